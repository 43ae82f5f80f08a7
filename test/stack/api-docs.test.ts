import { request as httpRequest } from 'node:http';
import { describe, expect, inject, it } from 'vitest';
import { apiDocsPath, apiDocsPaths } from '../../scripts/stack/api-docs.ts';
import { describeStack } from '../../scripts/stack/describe-stack.ts';
import { expectProblem } from '../support/contract.ts';
import { request } from '../support/personas.ts';

const stack = inject('stack');
const parts = [...apiDocsPaths];

/** The files that the page loads according to its HTML. */
async function loaded(): Promise<string[]> {
  const html = await (await request('GET', apiDocsPath)).text();
  return [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, path = '']) => path);
}

describe('the API docs page', () => {
  it.each([
    ['', 'text/html; charset=utf-8'],
    ['?a=b', 'text/html; charset=utf-8'],
    ['/start.js', 'text/javascript; charset=utf-8'],
    ['/swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
    ['/swagger-ui.css', 'text/css; charset=utf-8'],
    ['/favicon-32x32.png', 'image/png'],
  ])('answers %s without a key or a token', async (path, type) => {
    const response = await request('GET', `${apiDocsPath}${path}`);
    const body = await response.arrayBuffer();
    expect([response.status, response.headers.get('Content-Type')]).toEqual([200, type]);
    expect(Number(response.headers.get('Content-Length'))).toBe(body.byteLength);
    expect(body.byteLength).toBeGreaterThan(100);
    const head = await request('HEAD', `${apiDocsPath}${path}`);
    expect(head.headers.get('Content-Length')).toBe(response.headers.get('Content-Length'));
  });

  it('loads exactly its own files, only from its own origin', async () => {
    const paths = await loaded();
    expect(paths.toSorted()).toEqual(parts.filter((path) => path !== apiDocsPath).toSorted());
    const own = [apiDocsPath, `${apiDocsPath}/start.js`];
    for (const path of own) {
      expect(await (await request('GET', path)).text()).not.toMatch(/\/\/|http/);
    }
  });

  it('may load, run and call only its own origin, and has no inline script', async () => {
    for (const path of parts) {
      const { headers } = await request('GET', path);
      const policy = headers.get('Content-Security-Policy') ?? '';
      const rules = policy.split('; ').map((rule) => rule.split(' '));
      expect(rules[0]).toEqual(['default-src', "'none'"]);
      for (const [, ...sources] of rules) {
        for (const source of sources) expect(["'none'", "'self'", 'data:']).toContain(source);
      }
      expect(policy).toContain("script-src 'self';");
      expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
    }
    const html = await (await request('GET', apiDocsPath)).text();
    expect(html).not.toMatch(/<script>|<style|style=|\son\w+=|javascript:/);
  });

  it('shows the description that the API serves', async () => {
    const script = await (await request('GET', `${apiDocsPath}/start.js`)).text();
    const [, path = ''] = /url: '([^']+)'/.exec(script) ?? [];
    const description = await (await request('GET', path)).json();
    expect(description).toMatchObject({ openapi: '3.1.0' });
  });

  it.each([
    '/',
    '/swagger-ui.js',
    '/swagger-ui-bundle.js.map',
    '/index.html',
    '/package.json',
    '/constructor',
    '/..%2fpackage.json',
    '/%2e%2e%2f%2e%2e%2fpackage.json',
    '/start.js/',
    '/START.js',
  ])('serves no other file: %s is not found', async (path) => {
    await expectProblem(await request('GET', `${apiDocsPath}${path}`), 404, 'not_found');
  });

  it.each([
    `${apiDocsPath}/../../../package.json`,
    `${apiDocsPath}/../docs`,
    `${apiDocsPath}/./start.js`,
    `${apiDocsPath}//start.js`,
    `${apiDocsPath}\\start.js`,
    `/${apiDocsPath}`,
  ])('is served only at its exact paths, not at %s', async (path) => {
    expect(await rawStatus(path)).toBe(404);
  });

  it('is served by the local API gateway: the function has no such path', async () => {
    const response = await request('GET', `/functions/v1${apiDocsPath}`);
    await expectProblem(response, 404, 'not_found');
    await expectProblem(await request('POST', apiDocsPath, { body: {} }), 404, 'not_found');
  });

  it('is listed in the output of a start', async () => {
    const printed = await describeStack({ ...stack, keysFile: '', failed: never, stop });
    const url = /^API docs +(\S+)$/m.exec(printed)?.[1] ?? '';
    expect((await fetch(url)).status).toBe(200);
  });
});

const never = new Promise<never>(() => {});
const stop = async () => {};

/** The status for a path that is sent unchanged. */
function rawStatus(path: string): Promise<number | undefined> {
  const { hostname, port } = new URL(stack.url);
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ hostname, port, path });
    asked.on('error', reject);
    asked.on('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.end();
  });
}
