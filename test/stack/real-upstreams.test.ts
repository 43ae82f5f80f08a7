import { request as httpRequest } from 'node:http';
import { expect, inject, test } from 'vitest';
import { newUser, request } from '../support/personas.ts';

// how the real PostgREST, Auth and functions handle what the API gateway sends them

const { url, publishableKey, secretKey, signingJwk } = inject('stack');
const anonymous = { apikey: publishableKey };
const service = { apikey: secretKey };

test('the publishable key is anon, and can do only what anon may', async () => {
  expect((await request('GET', '/rest/v1/rpc/proxy_health', { headers: anonymous })).status).toBe(
    200,
  );
  const keys = await request('GET', '/rest/v1/proxy_key_summaries', { headers: anonymous });
  expect([keys.status, (await keys.json()).code]).toEqual([401, '42501']);
  const users = await request('GET', '/auth/v1/admin/users', { headers: anonymous });
  expect(users.status).toBe(403);
});

test('the secret key is service_role: it manages users, but reads no table without a grant', async () => {
  const users = await request('GET', '/auth/v1/admin/users', { headers: service });
  expect(users.status).toBe(200);
  const keys = await request('GET', '/rest/v1/proxy_key_summaries', { headers: service });
  expect([keys.status, (await keys.json()).code]).toEqual([403, '42501']);
});

test('a user’s token acts as that user, whatever key comes with it', async () => {
  const user = await newUser();
  for (const headers of [{}, anonymous, service]) {
    const me = await request('GET', '/auth/v1/user', { token: user.token, headers });
    expect((await me.json()).id).toBe(user.id);
    const keys = await request('GET', '/rest/v1/proxy_key_summaries', {
      token: user.token,
      headers,
    });
    expect([keys.status, await keys.json()]).toEqual([200, []]);
  }
});

test('a token from another issuer passes the gateway, and is refused by the upstream', async () => {
  const token = `${'a'.repeat(20)}.${'b'.repeat(20)}.${'c'.repeat(20)}`;
  for (const path of ['/rest/v1/proxy_key_summaries', '/auth/v1/user', '/api/v1/proxy/keys']) {
    const { status } = await request('GET', path, { token, headers: service });
    expect([401, 403]).toContain(status);
  }
});

test('a client that closes its connection does not close connections that others use', async () => {
  const ask = async () => {
    const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
    // Node's fetch does not allow this header
    const asked = httpRequest(`${url}/rest/v1/rpc/proxy_health`, {
      agent: false,
      headers: { ...anonymous, connection: 'close' },
    });
    asked.on('response', (answer) => {
      expect(answer.headers.connection).toBe('close');
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode));
    });
    asked.on('error', reject).end();
    return promise;
  };
  const statuses: (number | undefined)[] = [];
  for (let round = 0; round < 50; round++) {
    statuses.push(...(await Promise.all([ask(), ask(), ask(), ask(), ask(), ask(), ask(), ask()])));
  }
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
});

test('more concurrent requests than upstream connections are all answered', async () => {
  const path = '/rest/v1/rpc/proxy_health';
  const answers = await Promise.all(
    Array.from({ length: 600 }, () => request('GET', path, { headers: anonymous })),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const { status } = await request('GET', path, { headers: anonymous });
  expect(status).toBe(200);
});

test('the key set has only the public half of the signing key', async () => {
  const response = await request('GET', '/auth/v1/.well-known/jwks.json');
  const { d: _, ...publicJwk } = signingJwk;
  const { keys } = (await response.json()) as { keys: object[] };
  expect(response.status).toBe(200);
  expect(keys).toContainEqual({ ...publicJwk, key_ops: ['verify'] });
  // including the standby key
  expect(keys).toHaveLength(2);
});

test.each(['/functions/v1/api/v1/health', '/api/v1/health'])(
  '%s is the health route',
  async (path) => {
    const response = await request('GET', path);
    expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }]);
  },
);

test.each(['/functions/v1/admin/proxy/keys/x/reactivate', '/admin/proxy/keys/x/reactivate'])(
  '%s is the admin route',
  async (path) => {
    const response = await request('POST', path);
    expect([response.status, (await response.json()).code]).toEqual([401, 'unauthorized']);
  },
);

// sorted, as browsers send them: Supabase Auth accepts no other order
test.each([
  ['/rest/v1/proxy_key_summaries', 'GET', 'apikey,authorization'],
  ['/auth/v1/token', 'POST', 'apikey,authorization,content-type,x-client-info'],
  ['/api/v1/proxy/keys', 'POST', 'authorization,content-type'],
  ['/functions/v1/admin/proxy/keys/x/reactivate', 'POST', 'authorization'],
])('a page of any origin may call %s', async (path, method, wanted) => {
  const response = await fetch(`${url}${path}`, {
    method: 'OPTIONS',
    headers: {
      Origin: 'https://app.example',
      'Access-Control-Request-Method': method,
      'Access-Control-Request-Headers': wanted,
    },
  });
  expect(response.ok).toBe(true);
  const list = (name: string) => (response.headers.get(name) ?? '').toLowerCase().split(/\s*,\s*/);
  expect(['*', 'https://app.example']).toContain(list('access-control-allow-origin')[0]);
  expect(list('access-control-allow-methods')).toContain(method.toLowerCase());
  expect(list('access-control-allow-headers')).toEqual(expect.arrayContaining(wanted.split(',')));
});

test('a page of any origin can read the gateway’s own refusals', async () => {
  for (const path of ['/rest/v1/proxy_key_summaries', '/auth/v1/user', '/nowhere']) {
    const response = await request('GET', path, { headers: { Origin: 'https://app.example' } });
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('content-type')).toBe('application/json');
  }
});
