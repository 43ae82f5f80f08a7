import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, inject, it } from 'vitest';
import { connectDatabase } from '../../supabase/functions/_shared/database.ts';
import type { Dependencies } from '../../supabase/functions/_shared/service.ts';
import { createApi } from '../../supabase/functions/api/app.ts';
import { expectCommonHeaders, expectProblem } from '../support/contract.ts';
import { request } from '../support/personas.ts';

const { url, publishableKey } = inject('stack');
const healthPath = '/api/v1/health';

describe('an anonymous caller', () => {
  it.each([
    ['without a token', {}],
    ['with an invalid token', { Authorization: 'Bearer nonsense' }],
  ])('gets the status ok, %s', async (_, headers) => {
    const response = await request('GET', healthPath, { headers });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ok' });
    expectCommonHeaders(response);
  });
});

/** The API over a project at `projectUrl`, and the failures that it logged. */
function apiOver(projectUrl: string) {
  const failures: Parameters<Dependencies['logFailure']>[0][] = [];
  const api = createApi({
    authenticate: async () => 'a-token-to-keep-quiet-about',
    callDatabase: connectDatabase(projectUrl, publishableKey),
    logFailure: (failure) => failures.push(failure),
  });
  const ask = (method: string, path: string) =>
    Promise.resolve(api.request(path, { method, headers: { 'X-Request-Id': 'asked-in-a-test' } }));
  return { ask, failures };
}

/** An address with no listener. */
async function closedUrl(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

describe.each([
  ['GET', healthPath],
  ['GET', '/api/v1/proxy/keys'],
  ['POST', '/api/v1/proxy/keys/avp_live_000000000000/rotate'],
  ['DELETE', '/api/v1/proxy/keys/avp_live_000000000000'],
  ['GET', '/api/v1/proxy/usage'],
])('%s %s', (method, path) => {
  it('is 503 with Retry-After while the database cannot be reached', async () => {
    const { ask, failures } = apiOver(await closedUrl());
    const response = await ask(method, path);
    await expectProblem(response, 503, 'unavailable');
    expect(Number(response.headers.get('Retry-After'))).toBeGreaterThan(0);
    expect(failures).toMatchObject([{ requestId: 'asked-in-a-test', code: 'unavailable' }]);
  });

  it('is 500 without the cause when the project is misconfigured', async () => {
    const { ask, failures } = apiOver(`${url}/no-project-here`);
    const response = await ask(method, path);
    const text = JSON.stringify(await expectProblem(response, 500, 'internal'));
    expect(text).not.toMatch(/no-project-here|route|127\.0\.0\.1/i);
    expect(failures).toMatchObject([{ requestId: 'asked-in-a-test', code: 'internal' }]);
    expect(JSON.stringify(failures)).not.toContain('a-token-to-keep-quiet-about');
  });
});
