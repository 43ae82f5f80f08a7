import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApi } from '../../supabase/functions/api/app.ts';
import { expectCommonHeaders, openRoutes, protectedRoutes } from '../support/contract.ts';
import { mintKey } from '../support/key-scenes.ts';
import { connectOwner, newAdmin, newUser, type Persona, request } from '../support/personas.ts';
import { makeWebhook, removeIdleWebhooks } from '../support/webhook-scenes.ts';

const sql = connectOwner();
let owner: Persona;
let admin: Persona;
let id: string;
const webhooks = { owner: '', admin: '' };

beforeAll(async () => {
  [owner, admin] = await Promise.all([newUser(), newAdmin()]);
  ({ id } = await mintKey(owner));
  await mintKey(owner);
  webhooks.owner = await makeWebhook(owner);
  webhooks.admin = await makeWebhook(admin, true);
});
afterAll(async () => {
  await removeIdleWebhooks(sql);
  await sql.end();
});

interface Ask {
  path: string;
  /** The caller; anonymous by default. */
  by?: 'owner' | 'admin';
  accept?: string;
}

/** The status, headers and body of an answer, without what varies by time. */
async function ask(method: string, { path, by, accept = '*/*' }: Ask) {
  const to = path
    .replace(':id', id)
    .replace(':user', owner.id)
    .replace(':webhook', webhooks[by ?? 'owner']);
  const response = await request(method, to, {
    ...(by ? { token: (by === 'admin' ? admin : owner).token } : {}),
    headers: { Accept: accept, 'Accept-Encoding': 'identity', 'X-Request-Id': 'asked' },
  });
  const body = await response.text();
  const headers = Object.fromEntries(response.headers);
  // these vary by connection and moment
  for (const name of ['date', 'connection', 'keep-alive', 'transfer-encoding']) {
    delete headers[name];
  }
  return { response, status: response.status, headers, body };
}

async function askTwice(asked: Ask) {
  return [await ask('GET', asked), await ask('HEAD', asked), await ask('GET', asked)] as const;
}

const allRoutes: Ask[] = [
  ...openRoutes.map((path) => ({ path })),
  ...protectedRoutes
    .filter(({ method }) => method === 'GET')
    .map(({ path, query }) => ({
      path: query ? `${path}?${query}` : path,
      by: path.startsWith('/admin/') ? ('admin' as const) : ('owner' as const),
    })),
];

it.each<[string, number, Ask]>([
  ...allRoutes.map((route): [string, number, Ask] => ['a route', 200, route]),
  ['a page with a next page', 200, { path: '/api/v1/proxy/keys?limit=1', by: 'owner' }],
  ['CSV', 200, { path: '/api/v1/proxy/keys/:id/events', by: 'owner', accept: 'text/csv' }],
  [
    'filtered CSV',
    200,
    { path: '/api/v1/proxy/keys/:id/events?statusCode=200', by: 'owner', accept: 'text/csv' },
  ],
  ['nobody', 401, { path: '/api/v1/proxy/keys' }],
  ['not an admin', 403, { path: '/admin/proxy/keys', by: 'owner' }],
  ['an unknown key', 404, { path: '/api/v1/proxy/keys/x', by: 'owner' }],
  ['an unknown parameter', 400, { path: '/api/v1/proxy/keys?x=1', by: 'owner' }],
  [
    'CSV of an unknown key',
    404,
    { path: '/api/v1/proxy/keys/x/events', by: 'owner', accept: 'text/csv' },
  ],
  [
    'CSV with pages',
    400,
    { path: '/api/v1/proxy/keys/:id/events?limit=1', by: 'owner', accept: 'text/csv' },
  ],
  [
    'CSV of an empty span',
    400,
    {
      path: '/api/v1/proxy/keys/:id/events?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z',
      by: 'owner',
      accept: 'text/csv',
    },
  ],
  ['an unknown path', 404, { path: '/api/v1/nowhere', by: 'owner' }],
  ['a path that does not support GET', 405, { path: '/api/v1/proxy/keys/:id/rotate', by: 'owner' }],
])('HEAD answers like GET, without the body: %s, %s, %o', async (_, status, asked) => {
  let [get, head, after] = await askTwice(asked);
  // other tests may use or mint a key in between
  while (JSON.stringify(after.headers) !== JSON.stringify(get.headers)) {
    [get, head, after] = await askTwice(asked);
  }
  expect([get.status, get.body === '']).toEqual([status, false]);
  expect([head.status, head.body]).toEqual([status, '']);
  expect(head.headers).toEqual(get.headers);
  expectCommonHeaders(head.response);
  const isStream = get.headers['content-type']?.startsWith('text/csv') ?? false;
  expect(head.headers['content-length']).toBe(
    isStream ? undefined : String(Buffer.byteLength(get.body)),
  );
});

describe('HEAD of CSV', () => {
  it('reads one event and none of the export', async () => {
    const calls: [name: string, args: unknown][] = [];
    const api = createApi({
      authenticate: async () => 'token',
      callDatabase: async (_, name, args) => {
        calls.push([name, args]);
        return { items: [], next_cursor: null } as never;
      },
      logFailure: () => {},
    });
    const path = '/api/v1/proxy/keys/x/events?statusCode=200&targetHost=shop.example.com';
    const headers = { Accept: 'text/csv' };
    expect((await api.request(path, { method: 'HEAD', headers })).status).toBe(200);
    const filters = { id: 'x', status_code: 200, target_host: 'shop.example.com' };
    expect(calls).toEqual([['list_proxy_key_events', { ...filters, limit: 1 }]]);
  });
});
