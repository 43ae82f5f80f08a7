import { createServer } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listenOnLoopback } from '../../scripts/stack/ports.ts';
import { connectDatabase } from '../../supabase/functions/_shared/database.ts';
import type { Dependencies } from '../../supabase/functions/_shared/service.ts';
import { createAdmin } from '../../supabase/functions/admin/app.ts';
import { createApi } from '../../supabase/functions/api/app.ts';
import { expectProblem } from '../support/contract.ts';

// an upstream that answers each request with its own headers, late and out of order

/** The upstream's headers for a request id, whose suffix selects a refusal or no headers. */
function headersOf(id: string): Record<string, string> {
  if (id.endsWith('silent')) return {};
  return {
    RateLimit: `"${id}";r=3;t=7`,
    'RateLimit-Policy': `"${id}";q=5;w=60`,
    ...(id.endsWith('refused') ? { 'Retry-After': '7' } : {}),
  };
}

const refusal = { code: 'PT429', message: 'Too many.', details: '7', hint: 'rate_limited' };

const upstream = createServer(async (request, response) => {
  const id = String(request.headers['x-request-id']);
  await wait((Number.parseInt(id, 10) * 37) % 60);
  const status = id.endsWith('refused') ? 429 : 200;
  response.writeHead(status, {
    ...headersOf(id),
    'Content-Type': 'application/json',
    'X-Upstream': 'keeps-this-to-itself',
  });
  response.flushHeaders();
  // the body is still being read while other answers' headers arrive
  await wait((Number.parseInt(id, 10) * 13) % 20);
  response.end(status === 429 ? JSON.stringify(refusal) : 'null');
});
let api: ReturnType<typeof createApi>;
let admin: ReturnType<typeof createAdmin>;

beforeAll(async () => {
  const port = await listenOnLoopback(upstream, 0, 'an upstream');
  const dependencies: Dependencies = {
    authenticate: async () => 'token',
    callDatabase: connectDatabase(`http://127.0.0.1:${port}`, 'sb_publishable_x'),
    logFailure: () => {},
  };
  api = createApi(dependencies);
  admin = createAdmin(dependencies);
});
afterAll(() => {
  upstream.closeAllConnections();
  upstream.close();
});

const grant = { user: 'someone@example.com', tier: 'enterprise', reason: 'because' };
const writes = [
  {
    who: 'an owner',
    ask: (headers: Record<string, string>) =>
      api.request('/api/v1/proxy/keys/x', { method: 'DELETE', headers }),
  },
  {
    who: 'an admin',
    ask: (headers: Record<string, string>) =>
      admin.request('/admin/proxy/grants/revoke', {
        method: 'POST',
        headers: { ...headers, 'Content-Type': 'application/json' },
        body: JSON.stringify(grant),
      }),
  },
];

/** The rate limit headers of an answer. */
function limitsOf({ headers }: Response): Record<string, string> {
  return Object.fromEntries(
    ['RateLimit', 'RateLimit-Policy', 'Retry-After'].flatMap((name) => {
      const value = headers.get(name);
      return value === null ? [] : [[name, value]];
    }),
  );
}

describe.each(writes)('$who who writes', ({ ask }) => {
  it('gets the rate limits that the database sends, and none of its other headers', async () => {
    const response = await ask({ 'X-Request-Id': '1-allowed' });
    expect(response.status).toBe(204);
    expect(limitsOf(response)).toEqual(headersOf('1-allowed'));
    expect(response.headers.has('X-Upstream')).toBe(false);
  });

  it('gets the rate limits when refused', async () => {
    const response = await ask({ 'X-Request-Id': '1-refused' });
    await expectProblem(response, 429, 'rate_limited');
    expect(limitsOf(response)).toEqual(headersOf('1-refused'));
  });

  it('gets no rate limits if the database sends none', async () => {
    const response = await ask({ 'X-Request-Id': '1-silent' });
    expect([response.status, limitsOf(response)]).toEqual([204, {}]);
  });

  it('never gets the rate limits of another request, however many run at once', async () => {
    const ids = Array.from({ length: 150 }, (_, n) => {
      return `${n}-${['allowed', 'refused', 'silent'][n % 3]}`;
    });
    const answers = await Promise.all(
      ids.map(async (id) => {
        const response = await ask({ 'X-Request-Id': id });
        return [id, response.status, limitsOf(response)];
      }),
    );
    expect(answers).toEqual(
      ids.map((id) => [id, id.endsWith('refused') ? 429 : 204, headersOf(id)]),
    );
  });
});
