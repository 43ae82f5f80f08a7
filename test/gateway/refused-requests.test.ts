import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type GatewayFixture,
  readToEnd,
  sendRaw,
  startTestGateway,
} from '../support/gateway/gateway-fixture.ts';
import { newKeyOwner, type UsableKey } from '../support/gateway/key-owner.ts';
import { startTcpTarget, type TargetServer } from '../support/gateway/targets.ts';
import { connectOwner } from '../support/personas.ts';
import { overrideLimits } from '../support/seeded-keys.ts';
import { basic, make, request } from './malformed-requests.ts';

const sql = connectOwner();
let gateway: GatewayFixture;
let port: number;
let key: UsableKey;
/** An echo target. */
let target: TargetServer;
let authority: string;

beforeAll(async () => {
  const owner = await newKeyOwner(sql);
  key = await owner.newKey();
  await overrideLimits(sql, key.id, { rate_limit: 100000 });
  [gateway, target] = await Promise.all([
    startTestGateway({ firstRequestMs: 400, longestLingerMs: 1_000 }),
    startTcpTarget((socket) => socket.pipe(socket)),
  ]);
  port = gateway.port;
  authority = `127.0.0.1:${target.port}`;
});

afterAll(async () => {
  await Promise.all([gateway.stop(), target.close(), sql.end()]);
});

describe('with a valid key', () => {
  const connectTo = (host: string) => () =>
    request(`CONNECT ${host} HTTP/1.1`, basic(key.basicAuth));
  const get = (url: string) => () => request(`GET ${url} HTTP/1.1`, basic(key.basicAuth));
  const header = (line: string) => () =>
    request(`CONNECT ${authority} HTTP/1.1`, basic(key.basicAuth), line);
  it.each<[string, () => string]>([
    ['a NUL in the host', connectTo('a\0b:443')],
    ['a space in the host', connectTo('a b:443')],
    ['an escaped line end in the host', connectTo('a%0d%0aX:443')],
    ['user information', connectTo('user@127.0.0.1:443')],
    ['a URL', connectTo('http://127.0.0.1:443')],
    ['a path', connectTo('127.0.0.1:443/path')],
    ['no host', connectTo(':443')],
    ['port 0', connectTo('127.0.0.1:0')],
    ['a signed port', connectTo('127.0.0.1:+443')],
    ['an exponent for a port', connectTo('127.0.0.1:4e2')],
    ['half a bracket', connectTo('[::1:443')],
    ['a host of 2,000 characters', connectTo(`${'a'.repeat(2_000)}:443`)],
    ['ftp', get('ftp://127.0.0.1/')],
    ['a file', get('file:///etc/passwd')],
    ['a script', get('javascript:alert(1)')],
    ['a relative URL of another host', get('//127.0.0.1/')],
    ['an asterisk', get('*')],
    ['a line feed in a header', header('X: a\nY: b')],
    ['a carriage return in a header', header('X: a\rY: b')],
    ['a NUL in a header', header('X: a\0b')],
    ['HTTP/0.9', () => 'GET /\r\n\r\n'],
    ['the preface of HTTP/2', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a TLS hello', () => '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03'],
  ])('400 for %s', async (_, bytes) => {
    const said = await sendRaw(port, Buffer.from(bytes(), 'latin1'));
    expect(said.status).toBe(400);
    expect(said.body).toMatch(/^malformed_request: [^\n]+\n$/);
  });

  it.each<[string, () => string[]]>([
    ['another colon', () => [basic(`${key.basicAuth}:`)]],
    ['a NUL', () => [basic(`${key.basicAuth}\0`)]],
    ['a line end', () => [basic(`${key.basicAuth}\n`)]],
    ['capitals', () => [basic(key.basicAuth.toUpperCase())]],
    ['8 kB', () => [basic('a'.repeat(6_000))]],
    ['invalid base64', () => ['Proxy-Authorization: Basic !!!!']],
    ['non-ASCII bytes', () => [basic('\xff\xfe:\xff')]],
    ['nothing', () => ['Proxy-Authorization:']],
    ['only a scheme', () => ['Proxy-Authorization: Basic']],
    ['the valid ones second', () => [basic('a:b'), basic(key.basicAuth)]],
    ['the valid ones in another header', () => [basic(key.basicAuth).replace('Proxy-', '')]],
  ])('407 for credentials with %s', async (_, headers) => {
    const bytes = request(`CONNECT ${authority} HTTP/1.1`, ...headers());
    const said = await sendRaw(port, Buffer.from(bytes, 'latin1'));
    expect(said.status).toBe(407);
    expect(said.body).toMatch(/^credentials_required: [^\n]+\n$/);
  });
});

it.each([
  ['without a header', []],
  ['as a body with a length', ['Content-Length: 5']],
  ['as a body in chunks', ['Transfer-Encoding: chunked']],
])('bytes sent together with the CONNECT reach the target unchanged: %s', async (_, headers) => {
  const early = '\x16\x03\x01 early '.repeat(20_000);
  const head = request(`CONNECT ${authority} HTTP/1.1`, basic(key.basicAuth), ...headers);
  const { status, socket } = await sendRaw(port, Buffer.from(head + early, 'latin1'));
  expect(status).toBe(200);
  socket.end('late');
  const said = await readToEnd(socket);
  expect(said.length).toBe(early.length + 4);
  expect(said === `${early}late`).toBe(true);
});

it.each(['', 'all that there is'])(
  'a client that half-closes after its CONNECT and %j is served',
  async (early) => {
    const head = request(`CONNECT ${authority} HTTP/1.1`, basic(key.basicAuth));
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.end(head + early);
    expect(await readToEnd(socket)).toMatch(
      new RegExp(
        `^HTTP/1.1 200 Connection Established\r\nProxy-Request-Id: [0-9a-f-]{36}\r\n\r\n${early}$`,
      ),
    );
  },
);

it('a client that sends its first request byte by byte gets 408 and is disconnected', async () => {
  const attempt = {
    kind: 'slow',
    bytes: Buffer.from('CONNECT '),
    ending: 'drip',
    after: 0,
  } as const;
  expect(await make(attempt, port)).toMatch(/^HTTP\/1.1 408 .*\r\n\r\nrequest_timeout: [^\n]+\n$/s);
});

it('431 for a head of more than 64 KiB', async () => {
  const bytes = request(
    `CONNECT ${authority} HTTP/1.1`,
    basic(key.basicAuth),
    `X: ${'x'.repeat(1_000_000)}`,
  );
  const said = await sendRaw(port, bytes);
  expect(said.status).toBe(431);
  expect(said.body).toMatch(/^head_too_large: [^\n]+\n$/);
});

it('a refused client that keeps sending is disconnected', async () => {
  const bytes = Buffer.from(request('POST http://127.0.0.1/ HTTP/1.1', 'Content-Length: 1000000'));
  expect(await make({ kind: 'slow', bytes, ending: 'drip', after: 0 }, port)).toMatch(
    /^HTTP\/1.1 407 /,
  );
});
