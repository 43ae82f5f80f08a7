import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { describeStack } from '../../scripts/stack/describe-stack.ts';

const stack = inject('stack');

interface Answer {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** Sends a path unchanged, which `fetch` would normalize, and returns the answer as received. */
function send(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const { hostname, port } = new URL(stack.url);
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ hostname, port, path, method, headers, agent: false });
    asked.on('error', reject);
    asked.on('response', async (response) => {
      const chunks = await response.toArray();
      const body = Buffer.concat(chunks);
      resolve({ status: response.statusCode, headers: response.headers, body });
    });
    asked.end();
  });
}

/** The paths of the files that the page loads, according to its HTML. */
let parts: string[];
let script: string;
beforeAll(async () => {
  const { status, body } = await send('/developer/');
  expect(`${status} ${status === 200 ? '' : body}`).toBe('200 ');
  const urls = [...body.toString().matchAll(/\s(?:src|href)="([^"]*)"/g)];
  parts = urls.map(([, url = '']) => new URL(url, 'http://host/developer/').pathname);
  script = parts.find((path) => path.endsWith('.js')) ?? '';
});

function expectSecurityHeaders({ headers }: Answer): void {
  const policy = `${headers['content-security-policy']}`.split('; ');
  expect(policy.toSorted()).toEqual([
    "base-uri 'none'",
    "connect-src 'self'",
    "default-src 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "img-src 'self'",
    "require-trusted-types-for 'script'",
    "script-src 'self'",
    "style-src 'self'",
    "trusted-types 'none'",
  ]);
  expect(headers).toMatchObject({
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
  expect(headers['permissions-policy']).toContain('camera=()');
  expect(headers).not.toHaveProperty('access-control-allow-origin');
}

/** A key rather than the mere prefix, which supabase-js checks for. */
const secretKeys = /sb_secret_\w+/;

describe('the dashboard on the local stack', () => {
  it('serves every file that the page names with its media type', async () => {
    const types = {
      js: 'text/javascript',
      css: 'text/css',
      svg: 'image/svg+xml',
      json: 'application/json',
    };
    expect(parts.length).toBeGreaterThan(3);
    for (const path of parts) {
      const { status, headers, body } = await send(path);
      expect([path, status]).toEqual([path, 200]);
      expect(headers['content-type']).toBe(types[path.split('.').at(-1) as keyof typeof types]);
      expect(headers['content-length']).toBe(`${body.length}`);
    }
    const page = await send('/developer/');
    expect(page.headers['content-type']).toBe('text/html;charset=utf-8');
    expect((await send('/developer/index.html')).body).toEqual(page.body);
  });

  it('sends its security headers with every answer', async () => {
    const etag = `${(await send('/developer/')).headers.etag}`;
    const answers: [number, Answer][] = [
      ...(await Promise.all(
        parts.map(async (path): Promise<[number, Answer]> => [200, await send(path)]),
      )),
      [200, await send('/developer/')],
      [200, await send('/developer/', {}, 'HEAD')],
      [304, await send('/developer/', { 'If-None-Match': etag })],
      [308, await send('/developer')],
      [404, await send('/developer/missing')],
      [405, await send('/developer/', {}, 'POST')],
    ];
    for (const [status, answer] of answers) {
      expect(answer.status).toBe(status);
      expectSecurityHeaders(answer);
    }
  });

  it('lets browsers keep files with a hash in their names, and revalidate the others', async () => {
    for (const path of parts) {
      const cached = (await send(path)).headers['cache-control'];
      if (path.startsWith('/developer/assets/')) {
        expect(path).toMatch(/-[\w-]{8}\.\w+$/);
        expect(cached).toBe('public, max-age=31536000, immutable');
      } else {
        expect(cached).toBe(path.endsWith('config.json') ? 'no-store' : 'no-cache');
      }
    }
    const { headers } = await send('/developer/');
    expect(headers['cache-control']).toBe('no-cache');
    const again = await send('/developer/', { 'If-None-Match': `${headers.etag}` });
    expect([again.status, again.body.length, again.headers.etag ?? headers.etag]).toEqual([
      304,
      0,
      headers.etag,
    ]);
    expect((await send('/developer/', { 'If-None-Match': 'W/"another"' })).status).toBe(200);
    expect((await send('/developer/missing.js')).headers['cache-control']).toBe('no-store');
  });

  it.each([
    ['', undefined],
    ['identity', undefined],
    ['gzip', 'gzip'],
    ['br', 'br'],
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip;q=1.0, br;q=0.5', 'br'],
    ['br;q=0, gzip', 'gzip'],
    ['br; q=0.0, gzip;q=0', undefined],
    ['zstd', undefined],
  ])('sends a client that accepts «%s» the encoding %s', async (accepted, encoding) => {
    for (const path of ['/developer/', script]) {
      const plain = await send(path);
      const { status, headers, body } = await send(path, { 'Accept-Encoding': accepted });
      expect([status, headers['content-encoding']]).toEqual([200, encoding]);
      expect(headers['content-type']).toBe(plain.headers['content-type']);
      expect(headers.vary).toBe('Accept-Encoding');
      expect(headers['content-length']).toBe(`${body.length}`);
      const decode = { br: brotliDecompressSync, gzip: gunzipSync }[encoding ?? ''];
      expect(decode ? decode(body) : body).toEqual(plain.body);
      if (encoding) expect(body.length).toBeLessThan(plain.body.length);
    }
  });

  it('sends the whole file for any Range', async () => {
    const whole = await send(script);
    for (const range of ['bytes=0-9', 'bytes=9-0', 'bytes=-5', 'bytes=99999999-', 'nonsense']) {
      const { status, body } = await send(script, { Range: range });
      expect([status, body.length]).toEqual([200, whole.body.length]);
    }
  });

  it.each(['', '?a=b&c=/d', '?next=//example.com'])(
    'redirects /developer%s to the folder',
    async (query) => {
      const { status, headers } = await send(`/developer${query}`);
      expect([status, headers.location]).toEqual([308, `/developer/${query}`]);
    },
  );

  it('ignores the query of a file', async () => {
    expect((await send('/developer/?a=../b')).status).toBe(200);
    expect((await send(`${script}?v=1`)).status).toBe(200);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('does not allow %s', async (method) => {
    for (const path of ['/developer', '/developer/', '/developer/config.json', script]) {
      const { status, headers } = await send(path, {}, method);
      expect([status, headers.allow]).toEqual([405, 'GET, HEAD']);
    }
  });

  it('answers HEAD like GET, without the body', async () => {
    for (const path of ['/developer', '/developer/', '/developer/config.json', script]) {
      const [get, head] = [await send(path), await send(path, {}, 'HEAD')];
      expect([head.status, head.body.length]).toEqual([get.status, 0]);
      expect(head.headers['content-length']).toBe(get.headers['content-length']);
    }
  });

  it.each([
    '/developer/missing',
    '/developer/index',
    '/developer/index.html/',
    '/developer//index.html',
    '/developer/./index.html',
    '/developer/assets',
    '/developer/assets/',
    '/developer/INDEX.HTML',
    '/developer/%69ndex.html',
    '/developer/index.html.br',
    '/developer/index.html%00.js',
    '/developer/_headers',
    '/developer/build.json',
    '/developer/constructor',
    '/developer/.env',
    '/developer/.',
    '/developer/..',
    '/developer/../package.json',
    '/developer/../../../../../../../../etc/passwd',
    '/developer/assets/../../build.json',
    '/developer/assets/../index.html',
    '/developer/%2e%2e/%2e%2e/keys.json',
    '/developer/..%2f..%2fkeys.json',
    '/developer/%2e%2e%2f%2e%2e%2fkeys.json',
    '/developer/..%5c..%5ckeys.json',
    '/developer/..\\..\\keys.json',
    '/developer/%252e%252e%252fkeys.json',
    '/developer/%c0%ae%c0%ae/keys.json',
    '/developer/%',
    '/developer/%00',
    '/developer//etc/passwd',
    '/developer/%2fetc%2fpasswd',
    '/developer/file:///etc/passwd',
    '/developer\\',
    '/developers',
    '/Developer',
    '//developer/',
    '/%64eveloper/',
    '/x/../developer/',
  ])('has nothing at %s', async (path) => {
    const { status, body } = await send(path, { 'Accept-Encoding': 'br' });
    expect(status).toBe(404);
    expect(body.toString()).not.toMatch(/<html|root:|signingJwk|sources/);
  });

  it('gives the page its project: this stack, with the publishable key', async () => {
    const { headers, body } = await send('/developer/config.json');
    expect(headers['content-type']).toBe('application/json');
    expect(JSON.parse(body.toString())).toEqual({
      publishableKey: stack.publishableKey,
      gatewayUrl: stack.gatewayUrl,
    });
  });

  it('has no secret of the stack in any file', async () => {
    const secrets = [
      stack.secretKey,
      `${stack.signingJwk.d}`,
      new URL(stack.dbUrl).password,
      new URL(stack.gatewayDbUrl).password,
    ].filter((secret) => secret.length > 8);
    expect(secrets).toContain(stack.secretKey);
    for (const path of ['/developer/', ...parts]) {
      const { headers, body } = await send(path);
      const said = `${JSON.stringify(headers)}${body}`;
      expect(secrets.filter((secret) => said.includes(secret))).toEqual([]);
      expect(said.match(secretKeys)).toBeNull();
    }
  });

  it('is listed in the output of a start', async () => {
    const never = new Promise<never>(() => {});
    const stop = async () => {};
    const printed = await describeStack({ ...stack, keysFile: '', failed: never, stop });
    const url = /^Dashboard +(\S+)$/m.exec(printed)?.[1] ?? '';
    expect(url).toBe(`${stack.url}/developer`);
    expect(await (await fetch(url)).text()).toContain('<div id="root">');
  });
});
