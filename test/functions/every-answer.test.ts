import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  expectCommonHeaders,
  expectProblem,
  openRoutes,
  ourNameOf,
  type ProtectedRoute,
  protectedRoutes,
} from '../support/contract.ts';
import { mintKey } from '../support/key-scenes.ts';
import { connectOwner, newAdmin, newUser, type Persona, request } from '../support/personas.ts';
import { makeWebhook, removeIdleWebhooks, testWebhook } from '../support/webhook-scenes.ts';

const sql = connectOwner();
let owner: Persona;
let customer: Persona;
let admin: Persona;

beforeAll(async () => {
  [owner, customer, admin] = await Promise.all([newUser(), newUser(), newAdmin()]);
});
afterAll(async () => {
  await removeIdleWebhooks(sql);
  await sql.end();
});

type Options = { prefix?: string; added?: string; headers?: Record<string, string> };

/**
 * Prepares a request that succeeds: from a permitted caller, on a key or user that it applies to.
 */
async function prepare({ method, path, query, body }: ProtectedRoute) {
  const by = path.startsWith('/admin/') ? admin : owner;
  const { token } = by;
  if (path.includes('/webhooks')) await removeIdleWebhooks(sql);
  const webhook = path.includes(':webhook') ? await makeWebhook(by, by === admin) : '';
  const delivery = path.includes(':delivery') ? await testWebhook(by, webhook, by === admin) : '';
  // two users, as one may mint 60 keys per minute
  const holder = by === admin ? customer : owner;
  const id = path.includes(':id') || body?.ids ? (await mintKey(holder)).id : '';
  if (path.endsWith('/reactivate')) await holder.request('DELETE', `/api/v1/proxy/keys/${id}`);
  const userId = body?.user || query?.includes(':user') ? (await newUser()).id : '';
  const sent = body && {
    ...body,
    ...(body.user ? { user: userId } : {}),
    ...(body.ids ? { ids: [id] } : {}),
  };
  if (path.endsWith('/revoke')) await admin.request('POST', '/admin/proxy/grants', sent);
  return ({ prefix = '', added, headers }: Options = {}) => {
    const parameters = [query?.replace(':user', userId), added].filter(Boolean).join('&');
    const named = path
      .replace(':id', id)
      .replace(':webhook', webhook)
      .replace(':delivery', delivery);
    const to = `${prefix}${named}${parameters && `?${parameters}`}`;
    return request(method, to, { token, body: sent, ...(headers ? { headers } : {}) });
  };
}

async function succeed(route: ProtectedRoute, options?: Options): Promise<Response> {
  const send = await prepare(route);
  return send(options);
}

describe.each(protectedRoutes)('$method $path', (route) => {
  it.each([
    ['the public form', ''],
    ["the platform's form", '/functions/v1'],
  ])('succeeds under %s of its path, with the common headers', async (_, prefix) => {
    const response = await succeed(route, { prefix });
    expect(response.status).toBe(route.success);
    expectCommonHeaders(response);
  });

  it('accepts what the platform adds to the query', async () => {
    const added = 'apikey=sb_publishable_x&forceFunctionRegion=eu-west-1';
    expect((await succeed(route, { added })).status).toBe(route.success);
  });

  it('carries RateLimit headers if, and only if, it writes', async () => {
    const { headers } = await succeed(route);
    const limited = route.method !== 'GET';
    expect(headers.has('RateLimit')).toBe(limited);
    expect(headers.has('RateLimit-Policy')).toBe(limited);
    expect(headers.has('Retry-After')).toBe(false);
  });
});

// a request without an effect does not count
const idle = /\/(suspend|reactivate|grants|revoke)$/;
const repeatable = protectedRoutes.filter(({ method, path }) => {
  if (path.includes(':webhook')) return false;
  return method === 'DELETE' || (method === 'POST' && idle.test(path));
});

describe.each(repeatable)('$method $path', (route) => {
  it('carries no RateLimit headers if it changes nothing', async () => {
    const send = await prepare(route);
    expect((await send()).headers.has('RateLimit')).toBe(true);
    const again = await send();
    expect(again.status).toBe(route.success);
    expect(again.headers.has('RateLimit')).toBe(false);
  });
});

describe.each(openRoutes)('GET %s', (path) => {
  it.each([
    ['the public form', ''],
    ["the platform's form", '/functions/v1'],
  ])('needs no token under %s of its path', async (_, prefix) => {
    const response = await request('GET', `${prefix}${path}`);
    expect(response.status).toBe(200);
    expectCommonHeaders(response);
  });

  it.each(['apikey=x', 'forceFunctionRegion=eu-west-1', 'forceFunctionRegion=a&x=y'])(
    'ignores the query: %s',
    async (query) => {
      expect((await request('GET', `${path}?${query}`)).status).toBe(200);
    },
  );

  it('ignores a token', async () => {
    expect((await request('GET', path, { token: 'nonsense' })).status).toBe(200);
  });
});

it('these are all the routes', async () => {
  const response = await request('GET', '/api/v1/openapi.json');
  const { paths } = (await response.json()) as { paths: Record<string, Record<string, unknown>> };
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${ourNameOf(path)}`),
  );
  const known = [
    ...protectedRoutes.map(({ method, path }) => `${method} ${path}`),
    ...openRoutes.map((path) => `GET ${path}`),
  ];
  expect(described.toSorted()).toEqual(known.toSorted());
});

describe('a request id', () => {
  const health = (id?: string) =>
    request('GET', '/api/v1/health', { headers: id === undefined ? {} : { 'X-Request-Id': id } });

  it.each([['trace-1_A='], [randomUUID()], ['x'.repeat(64)]])(
    'is echoed if it is valid: %s',
    async (id) => {
      expect((await health(id)).headers.get('X-Request-Id')).toBe(id);
    },
  );

  it.each([
    ['with a space', 'two words'],
    ['with markup', '<script>'],
    ['with a quote', `'or'`],
    ['with a letter beyond ASCII', 'é'],
    ['of 65 characters', 'x'.repeat(65)],
    ['that is empty', ''],
  ])('is replaced if it is invalid: one %s', async (_, id) => {
    expect((await health(id)).headers.get('X-Request-Id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('is generated for each request without one', async () => {
    const [one, two] = await Promise.all([health(), health()]);
    expect(one.headers.get('X-Request-Id')).not.toBe(two.headers.get('X-Request-Id'));
  });

  it('is echoed by every route on success', async () => {
    for (const route of protectedRoutes) {
      const id = randomUUID();
      const { headers } = await succeed(route, { headers: { 'X-Request-Id': id } });
      expect(headers.get('X-Request-Id'), `${route.method} ${route.path}`).toBe(id);
    }
  });

  it('is echoed by a refusal, and included in its problem document', async () => {
    const response = await request('GET', '/api/v1/proxy/keys', {
      headers: { 'X-Request-Id': 'refused-1' },
    });
    expect(await expectProblem(response, 401, 'unauthorized')).toMatchObject({
      requestId: 'refused-1',
    });
  });
});

describe('a path without a route', () => {
  it.each([
    '/api',
    '/api/v1',
    '/api/v2/proxy/keys',
    '/api/v1/proxy/keys/',
    '/api/v1/proxy/keys/x/y',
    '/api/v1/proxy/keys/x/reactivate',
    '/api/v1/admin/proxy/keys/x/reactivate',
    '/api/v1/proxy/keys/x/events/y',
    '/api/v1/proxy/keys/x/suspend',
    '/api/v1/proxy/usage/',
    '/api/v1/proxy/usage/days',
    '/api/v1/proxy/grants',
    '/api/v1/proxy/alerts/x',
    '/api/v1/proxy/webhooks/x/deliveries/y',
    '/api/v1/openapi.yaml',
    '/admin',
    '/admin/proxy/keys/x/usage',
    '/admin/proxy/keys/x/rotate',
    '/admin/proxy/grants/x',
    '/functions/v1/api/nowhere',
    '/functions/v1/admin/v1/proxy/keys',
  ])('is 404, with or without a token: %s', async (path) => {
    await expectProblem(await owner.request('GET', path), 404, 'not_found');
    await expectProblem(await request('POST', path, { body: {} }), 404, 'not_found');
  });
});

describe('a method that a path does not support', () => {
  it.each([
    ['/api/v1/health', 'GET, HEAD', ['POST', 'PUT', 'PATCH', 'DELETE']],
    ['/api/v1/openapi.json', 'GET, HEAD', ['POST', 'PUT', 'PATCH', 'DELETE']],
    ['/api/v1/proxy/keys', 'GET, HEAD, POST', ['PUT', 'PATCH', 'DELETE']],
    ['/api/v1/proxy/keys/x', 'GET, HEAD, PATCH, DELETE', ['POST', 'PUT']],
    ['/api/v1/proxy/keys/x/rotate', 'POST', ['GET', 'PUT', 'PATCH', 'DELETE']],
    ['/api/v1/proxy/keys/x/events', 'GET, HEAD', ['POST', 'PUT', 'PATCH', 'DELETE']],
    ['/api/v1/proxy/usage', 'GET, HEAD', ['POST', 'PUT', 'PATCH', 'DELETE']],
    ['/api/v1/proxy/usage/keys', 'GET, HEAD', ['POST', 'PUT', 'PATCH', 'DELETE']],
    ['/api/v1/proxy/usage/series', 'GET, HEAD', ['POST', 'PUT', 'PATCH', 'DELETE']],
    ['/api/v1/proxy/usage/targets', 'GET, HEAD', ['POST', 'PUT', 'PATCH', 'DELETE']],
    ['/api/v1/proxy/usage/outcomes', 'GET, HEAD', ['POST', 'PUT', 'PATCH', 'DELETE']],
    ['/api/v1/proxy/alerts', 'GET, HEAD', ['POST', 'PUT', 'PATCH', 'DELETE']],
    ['/api/v1/proxy/alerts/thresholds', 'GET, HEAD, PATCH', ['POST', 'PUT', 'DELETE']],
    ['/api/v1/proxy/webhooks', 'GET, HEAD, POST', ['PUT', 'PATCH', 'DELETE']],
    ['/api/v1/proxy/webhooks/x', 'PATCH, DELETE', ['GET', 'POST', 'PUT']],
    ['/api/v1/proxy/webhooks/x/rotate', 'POST', ['GET', 'PUT', 'PATCH', 'DELETE']],
    ['/api/v1/proxy/webhooks/x/test', 'POST', ['GET', 'PUT', 'PATCH', 'DELETE']],
    ['/api/v1/proxy/webhooks/x/deliveries', 'GET, HEAD', ['POST', 'PUT', 'PATCH', 'DELETE']],
    ['/api/v1/proxy/webhooks/x/deliveries/y/resend', 'POST', ['GET', 'PUT', 'PATCH', 'DELETE']],
    ['/admin/proxy/webhooks', 'GET, HEAD, POST', ['PUT', 'PATCH', 'DELETE']],
    ['/admin/proxy/keys', 'GET, HEAD', ['POST', 'PUT', 'PATCH', 'DELETE']],
    ['/admin/proxy/keys/x', 'GET, HEAD', ['POST', 'PUT', 'PATCH', 'DELETE']],
    ['/admin/proxy/keys/x/suspend', 'POST', ['GET', 'PUT', 'PATCH', 'DELETE']],
    ['/admin/proxy/keys/x/reactivate', 'POST', ['GET', 'PUT', 'PATCH', 'DELETE']],
    ['/admin/proxy/keys/x/limits', 'PATCH', ['GET', 'POST', 'PUT', 'DELETE']],
    ['/admin/proxy/grants', 'GET, HEAD, POST', ['PUT', 'PATCH', 'DELETE']],
    ['/admin/proxy/grants/revoke', 'POST', ['GET', 'PUT', 'PATCH', 'DELETE']],
  ])('is 405 with the allowed methods: %s', async (path, allow, methods) => {
    for (const method of methods) {
      for (const response of [
        await owner.request(method, path),
        await request(method, `/functions/v1${path}`),
      ]) {
        await expectProblem(response, 405, 'method_not_allowed');
        expect(response.headers.get('Allow')).toBe(allow);
      }
    }
  });
});
