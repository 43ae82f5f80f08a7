import { once } from 'node:events';
import { Agent, createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, createServer as createTcpServer, type Server } from 'node:net';
import { Hono } from 'hono';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiGateway, startApiGateway } from '../../scripts/stack/api-gateway.ts';
import { freePort, listenOnLoopback, loopback } from '../../scripts/stack/ports.ts';
import { createRoleTokens } from '../../scripts/stack/role-tokens.ts';
import { generateSigningJwk, readSigningKey } from '../../scripts/stack/signing-keys.ts';

// upstreams that report their name and what they received, to show where a request goes and as whom

interface Answer {
  status: number;
  type: string | undefined;
  body: {
    upstream?: string;
    path?: string;
    authorization?: string;
    message?: string;
    pieces?: string[];
  };
}

const publishableKey = 'sb_publishable_test';
const secretKey = 'sb_secret_test';
const servers: Server[] = [];
/** The requests that reached any upstream. */
const seen: { method: string | undefined; path: string | undefined; body: string }[] = [];
let gateway: ApiGateway;

beforeAll(async () => {
  const signingKey = await readSigningKey(await generateSigningJwk());
  const keys = { publishableKey, secretKey, roleToken: createRoleTokens(signingKey) };
  gateway = await startApiGateway({ port: 0, keys });
  // before it opens
  expect((await send('/rest/v1/')).status).toBe(503);

  const auth = new Hono().all('*', (c) => {
    const { pathname, search } = new URL(c.req.url);
    const authorization = c.req.header('authorization');
    return c.json({ upstream: 'auth', path: pathname + search, authorization });
  });
  gateway.open({
    auth,
    postgrestPort: await echo('rest'),
    functionPorts: {
      api: await echo('api'),
      admin: await echo('admin'),
      pieces: await answerInPieces(),
      gone: await freePort(),
    },
  });
});

afterAll(async () => {
  await gateway.close();
  for (const server of servers) server.close();
});

const withKey = { apikey: publishableKey };

test.each([
  ['the publishable key', { apikey: publishableKey }, 'anon'],
  ['the secret key', { apikey: secretKey }, 'service_role'],
  ['the publishable key as a bearer', { authorization: `Bearer ${publishableKey}` }, 'anon'],
  ['the secret key as a bearer', { authorization: `bearer ${secretKey}` }, 'service_role'],
  [
    'the secret key in both headers',
    { apikey: secretKey, authorization: `Bearer ${secretKey}` },
    'service_role',
  ],
])('%s becomes a token of its role', async (_, headers, role) => {
  for (const path of ['/rest/v1/keys', '/auth/v1/user']) {
    const { body } = await send(path, headers);
    expect(decodeJwt(body.authorization?.replace('Bearer ', '') ?? '')).toMatchObject({ role });
  }
});

test('an API key in the query counts like one in the header', async () => {
  const { body } = await send(`/rest/v1/keys?apikey=${secretKey}`);
  expect(decodeJwt(body.authorization?.replace('Bearer ', '') ?? '').role).toBe('service_role');
});

test.each([{}, withKey, { apikey: secretKey }])(
  'a user’s token is forwarded unchanged, with %o',
  async (headers) => {
    for (const path of ['/rest/v1/keys', '/auth/v1/user']) {
      const { body } = await send(path, { ...headers, authorization: 'Bearer a.user.token' });
      expect(body.authorization).toBe('Bearer a.user.token');
    }
  },
);

test.each([
  ['no key', {}],
  ['an unknown key', { apikey: 'sb_publishable_other' }],
  ['an empty key', { apikey: '' }],
  ['two keys in one header', { apikey: `${publishableKey}, ${secretKey}` }],
  ['an unknown key as a bearer', { authorization: 'Bearer sb_secret_other' }],
  ['an unknown key beside a user’s token', { apikey: 'other', authorization: 'Bearer a.b.c' }],
])('%s is refused before it reaches an upstream', async (_, headers) => {
  for (const path of ['/rest/v1/keys', '/auth/v1/user', '/auth/v1/admin/users']) {
    const answer = await send(path, headers);
    expect(answer.status).toBe(401);
    expect(answer.body.upstream).toBeUndefined();
  }
});

test('only the key set and the targets of links are open to everyone in Auth', async () => {
  for (const headers of [{}, { apikey: 'other' }]) {
    for (const open of [
      '.well-known/jwks.json',
      'verify?token=a',
      'authorize?provider=b',
      'callback',
    ]) {
      const { status, body } = await send(`/auth/v1/${open}`, headers);
      expect([status, body.upstream]).toEqual([200, 'auth']);
    }
    for (const path of [
      '/auth/v1/.well-known/jwks.json/../../admin/users',
      '/auth/v1/.well-known/jwks.json/',
      '/auth/v1/verify/../admin/users',
      '/auth/v1/verify/',
      '/auth/v1/admin/users?/.well-known/jwks.json',
      '/auth/v1/admin/users#/.well-known/jwks.json',
    ]) {
      expect((await send(path, headers)).status).toBe(401);
    }
  }
});

test.each(['/functions/v1/api/v1/proxy/keys?a=b', '/api/v1/proxy/keys?a=b'])(
  '%s reaches its function under the path that it serves, without a key',
  async (path) => {
    const { status, body } = await send(path, { authorization: 'Bearer sb_publishable_x' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      upstream: 'api',
      path: '/api/v1/proxy/keys?a=b',
      // the function checks it, as on the platform
      authorization: 'Bearer sb_publishable_x',
    });
  },
);

// each path with the only upstream that it may reach, or null
test.each([
  ['/rest/v1/../../auth/v1/admin/users', 'rest'],
  ['/rest/v1/..%2f..%2fauth/v1/admin', 'rest'],
  ['/rest/v1//', 'rest'],
  ['/rest/v1//auth/v1/user', 'rest'],
  ['/rest/v1///evil.example/', 'rest'],
  ['/rest/v1/\\..\\auth', 'rest'],
  ['/auth/v1//', 'auth'],
  ['/auth/v1/../../rest/v1/keys', 'auth'],
  ['/functions/v1/api/../admin/proxy', 'api'],
  ['/functions/v1/api/%2e%2e/admin', 'api'],
  ['/api/../admin/proxy/keys', 'api'],
  ['/api//admin', 'api'],
  ['/api?/../admin', 'api'],
  ['/functions/v1/../v1/admin', null],
  ['/functions/v1//admin', null],
  ['/functions/v1/%61dmin', null],
  ['/functions/v1/', null],
  ['/functions/v1', null],
  ['/functions/v1?/api', null],
  ['//api/v1', null],
  ['/./api', null],
  ['/../api', null],
  ['/rest%2fv1/keys', null],
  ['/rest/v2/keys', null],
  ['/REST/v1/keys', null],
  ['/rest/v1keys', null],
  ['/constructor', null],
  ['/__proto__/v1', null],
  ['/storage/v1/object', null],
  ['http://127.0.0.1/rest/v1/keys', null],
  ['/', null],
  ['//', null],
  ['*', null],
])('%s reaches only %s', async (path, upstream) => {
  const answer = await send(path, withKey);
  if (upstream) {
    expect(answer.body.upstream).toBe(upstream);
  } else {
    expect(answer).toMatchObject({ status: 404, type: 'application/json' });
    expect(answer.body.message).toEqual(expect.any(String));
  }
  // after any path, with or without a key, the gateway still runs
  expect((await send(path)).status).toBeLessThan(500);
  expect((await send('/rest/v1/keys', withKey)).status).toBe(200);
});

test('an unavailable upstream causes a 503 in JSON', async () => {
  const answer = await send('/functions/v1/gone/v1');
  expect(answer).toMatchObject({ status: 503, type: 'application/json' });
});

test('a preflight is forwarded without a key, and one for Auth is answered', async () => {
  const headers = {
    origin: 'https://app.example',
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'apikey,content-type',
  };
  expect((await send('/rest/v1/keys', headers, 'OPTIONS')).body.upstream).toBe('rest');
  expect((await send('/api/v1', headers, 'OPTIONS')).body.upstream).toBe('api');
  expect((await send('/auth/v1/token', headers, 'OPTIONS')).status).toBe(204);
});

// regression: the upstream took the content of the chunks for a separate request
test('a chunked body stays the body of its request, also for DELETE', async () => {
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
  for (const method of ['DELETE', 'OPTIONS', 'POST']) {
    const before = seen.length;
    const socket = connect(gateway.port, loopback);
    socket.write(
      `${method} /api/v1/keys HTTP/1.1\r\nHost: x\r\nConnection: close\r\n` +
        'Transfer-Encoding: chunked\r\n\r\n' +
        `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
    );
    let answer = '';
    for await (const chunk of socket) answer += chunk;
    expect(answer, method).toMatch(/^HTTP\/1\.1 200 /);
    // the next request on the same keep-alive connection to the upstream
    expect((await send('/api/v1/next')).body.path, method).toBe('/api/v1/next');
    expect(seen.slice(before), method).toEqual([
      { method, path: '/api/v1/keys', body: smuggled },
      { method: 'GET', path: '/api/v1/next', body: '' },
    ]);
  }
});

// regression: everything after the first chunk was lost, although the answer looked complete
test('a chunked answer that arrives piece by piece is forwarded completely', async () => {
  const answers = Array.from({ length: 40 }, () => send('/pieces/'));
  for (const { body } of await Promise.all(answers)) expect(body).toEqual({ pieces });
});

// regression: a request that was sent while the gateway closed an idle connection was lost
test('an idle connection is kept longer than clients keep theirs', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = async () => {
    const request = httpRequest({ host: loopback, port: gateway.port, path: '/', agent }).end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    await response.resume().toArray();
    const [, seconds] = /timeout=(\d+)/.exec(`${response.headers['keep-alive']}`) ?? [];
    return { seconds: Number(seconds), reused: request.reusedSocket };
  };
  try {
    // Node reports its keep-alive timeout: load balancers and clients keep connections for a minute
    const { seconds } = await ask();
    expect(seconds).toBeGreaterThanOrEqual(65);
    expect(await ask()).toEqual({ seconds, reused: true });
  } finally {
    agent.destroy();
  }
});

function send(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // not `fetch`, which would normalize the path first
    const request = httpRequest({ host: loopback, port: gateway.port, path, method, headers });
    request.on('error', reject);
    request.on('response', async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      const { statusCode: status = 0, headers } = response;
      resolve({ status, type: headers['content-type'], body: text ? JSON.parse(text) : {} });
    });
    request.end();
  });
}

async function echo(upstream: string): Promise<number> {
  const server = createServer(async (request, response) => {
    const { method, url: path, headers } = request;
    let body = '';
    for await (const chunk of request) body += chunk;
    seen.push({ method, path, body });
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ upstream, path, authorization: headers.authorization }));
  });
  servers.push(server);
  return listenOnLoopback(server, 0, upstream);
}

const pieces = Array.from({ length: 14 }, (_, n) => `${n % 10}`.repeat(4_000));

/**
 * An upstream that answers `pieces` in chunks: the first with the headers, then the others at once.
 */
async function answerInPieces(): Promise<number> {
  const chunks = JSON.stringify({ pieces })
    .match(/.{1,4000}/g)
    ?.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`);
  const [first, ...others] = chunks ?? [];
  const server = createTcpServer((socket) => {
    socket.on('data', () => {
      socket.write(
        `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${first}`,
      );
      socket.write(`${others.join('')}0\r\n\r\n`);
    });
  });
  servers.push(server);
  return listenOnLoopback(server, 0, 'pieces');
}
