import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'vite';
import packageJson from '../../../package.json' with { type: 'json' };
import { projectRoot } from '../../stack/project-root.ts';

/** Not bundled: it is native, and only `maintain --archive` needs it. An operator installs it. */
const duckdb = '@duckdb/node-api';

/** The pages of docs/ that the gateway's messages and README refer to. */
const docs = [
  'archive.md',
  'gateway-logins.md',
  'gateways.md',
  'listeners.md',
  'operating.md',
  'sizing.md',
];

/**
 * Builds the package `proxy-keys-gateway` into an empty folder: plain JavaScript for Node 22.13 and
 * later, with all that it imports and their licenses.
 */
export async function buildGatewayPackage(folder: string): Promise<void> {
  await build({
    configFile: false,
    root: projectRoot,
    logLevel: 'warn',
    // pg imports pg-native optionally, and it is not used here
    ssr: { noExternal: true, external: [duckdb, 'pg-native'] },
    build: {
      ssr: true,
      outDir: folder,
      emptyOutDir: false,
      target: 'node22.13',
      // keeps the function names in stack traces
      minify: false,
      chunkSizeWarningLimit: 10_000,
      license: { fileName: 'licences.md' },
      rolldownOptions: {
        input: {
          'proxy-keys-gateway': join(projectRoot, 'scripts/packages/gateway/command.ts'),
          worker: join(projectRoot, 'gateway/workers/worker.ts'),
        },
        output: { entryFileNames: '[name].js', chunkFileNames: '[name].js' },
      },
    },
  });
  const { version, license, optionalDependencies } = packageJson;
  const manifest = {
    name: 'proxy-keys-gateway',
    version,
    description: 'The CONNECT gateway of Proxy Keys: proxy API keys with every rule in Postgres.',
    license,
    type: 'module',
    engines: { node: '>=22.13' },
    bin: { 'proxy-keys-gateway': 'proxy-keys-gateway.js' },
    peerDependencies: { [duckdb]: optionalDependencies[duckdb] },
    peerDependenciesMeta: { [duckdb]: { optional: true } },
  };
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  const files = [
    ['LICENSE', 'LICENSE'],
    ['scripts/packages/gateway/README.md', 'README.md'],
    ...docs.map((name) => [`docs/${name}`, `docs/${name}`]),
  ];
  for (const [from = '', to = ''] of files) await cp(join(projectRoot, from), join(folder, to));
}
