import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';
import type { Plugin } from 'vite';
import { contentSecurityPolicy, securityHeaders } from './content-security-policy.ts';
import { readDeployment } from './read-deployment.ts';
import type { KnownConfiguration } from './src/configuration.ts';

/**
 * Adds what a static host needs: the policy in the page itself, `_headers` for hosts that read it,
 * `config.json` if the environment defines it, and compressed copies for servers that send `.br` and
 * `.gz`. The development server gets none of this, because its page has inline scripts and styles.
 */
export function deployment(environment: Record<string, string | undefined>): Plugin {
  let configuration: KnownConfiguration | undefined;
  let connectTo: string[] = [];
  return {
    name: 'deployment',
    apply: 'build',
    configResolved() {
      configuration = readDeployment(environment);
      connectTo = configuration ? [configuration.supabaseUrl] : [];
    },
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: {
          'http-equiv': 'Content-Security-Policy',
          content: contentSecurityPolicy(connectTo),
        },
        injectTo: 'head-prepend',
      },
    ],
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: '_headers', source: headersFile(connectTo) });
      if (!configuration) return;
      const source = JSON.stringify(configuration, null, 2);
      this.emitFile({ type: 'asset', fileName: 'config.json', source });
    },
    async writeBundle({ dir = '' }, bundle) {
      const texts = Object.keys(bundle).filter((name) => /\.(js|css|html)$/.test(name));
      await Promise.all(texts.map((name) => compress(join(dir, name))));
    },
  };
}

/** In the format that Netlify, Cloudflare Pages and others read. */
function headersFile(connectTo: string[]): string {
  const headers = Object.entries(securityHeaders(connectTo));
  return [
    '/*',
    ...headers.map(([name, value]) => `  ${name}: ${value}`),
    // the file names contain a hash of the content
    '/assets/*',
    '  Cache-Control: public, max-age=31536000, immutable',
    '',
  ].join('\n');
}

async function compress(file: string): Promise<void> {
  const content = await readFile(file);
  await Promise.all([
    promisify(brotliCompress)(content).then((small) => writeFile(`${file}.br`, small)),
    promisify(gzip)(content, { level: 9 }).then((small) => writeFile(`${file}.gz`, small)),
  ]);
}
