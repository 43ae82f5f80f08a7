import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'vite';
import packageJson from '../../../package.json' with { type: 'json' };
import { buildDashboard } from '../../dashboard/build.ts';
import { buildRecordName } from '../../dashboard/build-record.ts';
import { migrationsFolder } from '../../schemas.ts';
import { projectRoot } from '../../stack/project-root.ts';
import { functionNames, sharedFolder } from './plan.ts';

const readme = `# create-proxy-keys

Adds Proxy Keys to a Supabase project: API keys tied to users, for companies that sell proxy traffic.

\`\`\`sh
npx supabase init
npm create proxy-keys
\`\`\`

writes one migration, three Edge Functions with their settings, and the dashboard page, and prints the commands
to run next. It asks before it replaces a file; \`--dry-run\` only lists what it would write.
`;

const pageReadme = `# The Proxy Keys page

A static site: put this folder on any static host, at any path. It needs a \`config.json\` next to \`index.html\`:

\`\`\`json
{
  "supabaseUrl": "https://<ref>.supabase.co",
  "publishableKey": "sb_publishable_…",
  "gatewayUrl": "http://gateway.example.com:7777"
}
\`\`\`

If the gateway has a TLS port, add it: \`"gatewayTlsPort": 7443\`. If the host does not read \`_headers\`, configure
the headers listed there: only they prevent other sites from framing the page. In the project's Auth settings, add
the page's address to the redirect URLs.
`;

/** Builds the package `create-proxy-keys` into an empty folder: the command and the files that it installs. */
export async function buildCreatePackage(folder: string): Promise<void> {
  await build({
    configFile: false,
    root: projectRoot,
    logLevel: 'warn',
    ssr: { noExternal: true },
    build: {
      ssr: join(projectRoot, 'scripts/packages/create/command.ts'),
      outDir: folder,
      emptyOutDir: false,
      target: 'node22.13',
      minify: false,
      chunkSizeWarningLimit: 10_000,
      license: { fileName: 'licences.md' },
      rolldownOptions: { output: { entryFileNames: 'create-proxy-keys.js' } },
    },
  });
  const template = join(folder, 'template');
  await mkdir(join(template, 'functions'), { recursive: true });
  await cp(migrationsFolder, join(template, 'migrations'), { recursive: true });
  for (const name of ['_shared', ...functionNames]) {
    const to = join(template, 'functions', name === '_shared' ? sharedFolder : name);
    await cp(join(projectRoot, 'supabase/functions', name), to, { recursive: true });
    await renameImports(to);
  }
  await buildPage(join(template, 'page'));
  const { version, license } = packageJson;
  const manifest = {
    name: 'create-proxy-keys',
    version,
    description:
      'Adds Proxy Keys, API keys for proxy traffic tied to users, to a Supabase project.',
    license,
    type: 'module',
    engines: { node: '>=22.13' },
    bin: { 'create-proxy-keys': 'create-proxy-keys.js' },
  };
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  await writeFile(join(folder, 'README.md'), readme);
  await cp(join(projectRoot, 'LICENSE'), join(folder, 'LICENSE'));
}

/** Renames the functions' shared folder, as the project may already have a `_shared`. */
async function renameImports(folder: string): Promise<void> {
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith('.ts')) continue;
    const file = join(folder, name);
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replaceAll(/(['"](?:\.\.\/)+)_shared\//g, `$1${sharedFolder}/`));
  }
}

async function buildPage(folder: string): Promise<void> {
  // one page for every project: `config.json` names the project
  for (const name of Object.keys(process.env)) {
    if (/^(SUPABASE_(URL|PUBLISHABLE_KEY)|PROXY_GATEWAY_.*)$/.test(name)) delete process.env[name];
  }
  await buildDashboard(folder);
  await rm(join(folder, buildRecordName));
  await writeFile(join(folder, 'README.md'), pageReadme);
}
