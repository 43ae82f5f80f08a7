import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import sirv from 'sirv';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { newUser, password } from '../../support/personas.ts';
import { type BuildEnd, buildsFolder, runBuild } from '../../support/stack/build-command.ts';
import { browser, withoutChromium } from './chromium.ts';

const stack = inject('stack');
const { folder, remove } = buildsFolder();
const environments = {
  any: {},
  one: {
    SUPABASE_URL: stack.url,
    SUPABASE_PUBLISHABLE_KEY: stack.publishableKey,
    PROXY_GATEWAY_URL: stack.gatewayUrl,
  },
};
type Name = keyof typeof environments;
const ends = new Map<Name, BuildEnd>();
beforeAll(async () => {
  // none of which may appear in the build
  const secrets = { SUPABASE_SECRET_KEY: 'sb_secret_of_the_environment', VITE_TOKEN: 'vite-token' };
  for (const name of ['any', 'one'] as const) {
    ends.set(name, await runBuild(join(folder, name), { ...environments[name], ...secrets }));
  }
});
afterAll(remove);

/** The paths of a build's files. */
function filesOf(build: string): string[] {
  return readdirSync(build, { recursive: true, encoding: 'utf8' }).filter((path) =>
    statSync(join(build, path)).isFile(),
  );
}

/** The content security policies of a build: in the page, and in `_headers`. */
function policiesOf(build: string): Map<string, string[]>[] {
  const html = readFileSync(join(build, 'index.html'), 'utf8');
  const [, meta = ''] =
    /<meta http-equiv="Content-Security-Policy" content="([^"]+)">/.exec(html) ?? [];
  const headers = readFileSync(join(build, '_headers'), 'utf8');
  const [, header = ''] = /^ {2}Content-Security-Policy: (.+)$/m.exec(headers) ?? [];
  return [meta.replaceAll('&#39;', "'"), header].map(
    (policy) =>
      new Map(
        policy.split('; ').map((rule) => {
          const [name = '', ...sources] = rule.split(' ');
          return [name, sources];
        }),
      ),
  );
}

/** More of a key than its prefix, which supabase-js checks for. */
const leaks = /[#@] sourceMappingURL|sb_secret_\w+|vite-token|service_role/;

describe.each([
  ['any project', 'any'],
  ['one project', 'one'],
] as const)('a build for %s', (_, name) => {
  const build = join(folder, name);

  it('succeeds, and prints a table of its files', () => {
    const end = ends.get(name);
    expect(end).toMatchObject({ code: 0 });
    const rows = (end?.stdout ?? '').trimEnd().split('\n').slice(1);
    const sizes = rows.map((row) => /^(.+?) +([\d.]+) kB +([\d.]+) kB(?: +first load)?$/.exec(row));
    expect(sizes.every((row) => row !== null)).toBe(true);
    // the columns of the table are aligned
    expect(new Set(rows.map((row) => row.lastIndexOf(' kB'))).size).toBe(1);
    const shown = sizes.map((row) => row?.[1]?.trim());
    const served = filesOf(build).filter((path) => /(html|js|css|svg)$/.test(path));
    for (const path of served) expect(shown).toContain(path);
    expect(shown.slice(-2)).toEqual(['first load', 'all']);
  });

  it('lets the page load only its own files, and connect only to its project', () => {
    const policies = policiesOf(build);
    const origins = name === 'one' ? [stack.url] : [];
    for (const policy of policies) {
      expect(policy.get('default-src')).toEqual(["'none'"]);
      for (const part of ['script-src', 'style-src', 'img-src']) {
        expect(policy.get(part)).toEqual(["'self'"]);
      }
      expect(policy.get('connect-src')).toEqual(["'self'", ...origins]);
      expect(policy.get('require-trusted-types-for')).toEqual(["'script'"]);
      const others = [...policy].filter(([part]) => part !== 'connect-src').flat(2);
      expect(others.filter((source) => /unsafe|\/\/|\*|:$/.test(source))).toEqual([]);
    }
    expect(policies[1]?.get('frame-ancestors')).toEqual(["'none'"]);
  });

  it('tells a host to cache only the assets permanently', () => {
    const headers = readFileSync(join(build, '_headers'), 'utf8');
    const [everywhere = '', assets = ''] = headers.split('/assets/*\n');
    expect(everywhere).not.toContain('Cache-Control');
    expect(assets).toBe('  Cache-Control: public, max-age=31536000, immutable\n');
    const kept = filesOf(build).filter((path) => path.startsWith('assets/'));
    for (const path of kept) expect(path).toMatch(/-[\w-]{8}\.\w+(\.br|\.gz)?$/);
  });

  it('has a configuration only if it is for one project', () => {
    const file = join(build, 'config.json');
    expect(existsSync(file)).toBe(name === 'one');
    if (name !== 'one') return;
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      supabaseUrl: stack.url,
      publishableKey: stack.publishableKey,
      gatewayUrl: stack.gatewayUrl,
    });
  });

  it('has a page without inline scripts and styles, and all files that it names', () => {
    const html = readFileSync(join(build, 'index.html'), 'utf8');
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:|data:/i);
    for (const [, content = ''] of html.matchAll(/<script[^>]*>([^<]*)<\/script>/g)) {
      expect(content.trim()).toBe('');
    }
    const urls = [...html.matchAll(/\s(?:src|href)="([^"]*)"/g)].map(([, url = '']) => url);
    expect(urls.length).toBeGreaterThan(3);
    for (const url of urls) {
      expect(url).toMatch(/^\.\//);
      if (url !== './config.json') expect(existsSync(join(build, url))).toBe(true);
    }
    expect(html.indexOf('Content-Security-Policy')).toBeLessThan(html.search(/<script|<link/));
  });

  it('has no source map, no secret and no local path in any file', () => {
    for (const path of filesOf(build)) {
      expect(path).not.toMatch(/\.(map|tsx?)$/);
      const text = readFileSync(join(build, path), 'latin1');
      expect(text.match(leaks)).toBeNull();
      expect(text.includes(process.cwd())).toBe(false);
    }
  });

  it('has each text file in exact compressed copies', () => {
    const texts = filesOf(build).filter((path) => /\.(js|css|html)$/.test(path));
    expect(texts.length).toBeGreaterThan(2);
    for (const path of texts) {
      const [plain, brotli, gzip] = ['', '.br', '.gz'].map((end) =>
        readFileSync(join(build, path + end)),
      );
      expect(brotliDecompressSync(brotli as Buffer).equals(plain as Buffer)).toBe(true);
      expect(gunzipSync(gzip as Buffer).equals(plain as Buffer)).toBe(true);
    }
  });

  it('uses React’s production build, whatever NODE_ENV is', () => {
    const scripts = filesOf(build).filter((path) => path.endsWith('.js'));
    const text = scripts.map((path) => readFileSync(join(build, path), 'utf8')).join('');
    expect(process.env.NODE_ENV).not.toBe('production');
    expect(text.match(/jsxDEV|react-jsx-dev-runtime/)).toBeNull();
  });
});

describe.skipIf(withoutChromium)('a build on a static host of another origin', () => {
  it('serves a user of its project, under any path', async () => {
    // the simplest host: no headers, no rules, no compression
    const files = sirv(join(folder, 'one'), { dev: true });
    const host = createServer((request, response) => {
      const path = /^\/some\/path(\/.*)$/.exec(request.url ?? '')?.[1];
      const absent = () => {
        response.writeHead(404).end();
      };
      if (!path) return absent();
      request.url = path;
      files(request, response, absent);
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void host.close());
    await once(host, 'listening');
    const user = await newUser();
    await user.supabase.rpc('mint_proxy_key', { label: 'from afar' });
    const page = await (await browser()).newPage();
    onTestFinished(() => page.close());
    const errors: string[] = [];
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    const { port } = host.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/some/path/#/keys`);
    await page.getByLabel('E-mail address').fill(user.email);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('link', { name: 'from afar' }).click();
    await page.getByRole('heading', { name: 'from afar', level: 1 }).waitFor();
    expect(errors).toEqual([]);
    // the policy is in the page itself
    const elsewhere = await page.evaluate(() =>
      fetch('http://127.0.0.1:1/').then(
        () => 'sent',
        () => 'refused',
      ),
    );
    expect(elsewhere).toBe('refused');
    expect(errors.at(-1)).toContain('Content Security Policy');
  });
});
