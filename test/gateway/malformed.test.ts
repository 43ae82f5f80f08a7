import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { connectOwner } from '../personas.ts';
import { type DeafTarget, startDeafTarget } from './deaf-target.ts';
import { connectRequest, readToEnd, sendRaw } from './gateway-fixture.ts';
import { newKeyOwner, type UsableKey } from './key-owner.ts';
import { basic, make, randomAttempt, request } from './malformed-requests.ts';
import { SeededRandom } from './seeded-random.ts';
import { startTcpTarget, type TargetServer } from './targets.ts';

const script = fileURLToPath(new URL('measured-gateway.ts', import.meta.url));
const stack = inject('stack');
const sql = connectOwner();
const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);
const random = new SeededRandom(seed);
const folder = mkdtempSync(join(tmpdir(), 'gateway-test-'));
const clientsAtOnce = 40;
const attemptsARound = 1_000;

let child: ChildProcess;
let stderr = '';
let port: number;
let operationsUrl: string;
let key: UsableKey;
let target: TargetServer;
let deaf: DeafTarget;
let authority: string;

beforeAll(async () => {
  console.log(`TEST_SEED=${seed}`);
  const owner = await newKeyOwner(sql);
  key = await owner.newKey();
  await sql`update public.proxy_keys set rate_limit_override = 100000 where id = ${key.id}`;
  deaf = await startDeafTarget();
  target = await startTcpTarget(answerOrEcho);
  authority = `127.0.0.1:${target.port}`;
  child = spawn(process.execPath, ['--expose-gc', script], {
    env: {
      GATEWAY_DATABASE_URL: stack.gatewayDbUrl,
      GATEWAY_PORT: '0',
      GATEWAY_METRICS_PORT: '0',
      GATEWAY_SPOOL_DIR: folder,
      PATH: process.env.PATH,
      GATEWAY_ALLOW_TARGETS: '127.0.0.0/8',
      GATEWAY_FLUSH_MS: '200',
      GATEWAY_IDLE_MS: '1000',
    },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [ready] = (await once(child, 'message')) as [{ url: string; operationsUrl: string }];
  port = Number(new URL(ready.url).port);
  operationsUrl = ready.operationsUrl;
  await vi.waitFor(async () => expect(await metric('gateway_listening')).toBe(1));
});

afterAll(async () => {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await Promise.all([ended, target.close(), deaf.close(), sql.end()]);
  rmSync(folder, { recursive: true });
});

/** Answers a plain request; says back anything else. */
function answerOrEcho(socket: Socket): void {
  socket.once('data', (chunk) => {
    if (!/^[A-Z]+ \/.* HTTP/.test(chunk.toString('latin1'))) {
      socket.unshift(chunk);
      socket.pipe(socket);
    } else {
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      socket.resume();
    }
  });
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${operationsUrl}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

function socketsHeld(): number {
  const folder = `/proc/${child.pid}/fd`;
  return readdirSync(folder).filter((fd) => {
    try {
      return readlinkSync(`${folder}/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;
}

async function heapBytes(): Promise<number> {
  const answered = once(child, 'message') as Promise<[{ heapBytes: number }]>;
  child.send('measure');
  return (await answered)[0].heapBytes;
}

const answer = /^HTTP\/1\.1 (4\d\d|50[234]) [^\r\n]*\r\n(?:[^\r\n]+\r\n)+\r\n([a-z_]+: [^\n]+\n)$/;

/** Makes random attempts, so many at a time, and checks what each is told. */
async function round(attempts: number): Promise<Set<string>> {
  const statuses = new Set<string>();
  let left = attempts;
  const client = async () => {
    while (left > 0) {
      left -= 1;
      const attempt = randomAttempt(random, {
        basicAuth: key.basicAuth,
        target: authority,
        deaf: `127.0.0.1:${deaf.port}`,
      });
      const said = await make(attempt, port);
      const [, status = said === '' ? 'closed' : said.slice(9, 12)] = answer.exec(said) ?? [];
      if (!/^HTTP\/1\.1 200 /.test(said) && said !== '') {
        expect(
          said,
          `${attempt.kind}: ${JSON.stringify(attempt.bytes.toString('latin1').slice(0, 300))}`,
        ).toMatch(answer);
      }
      statuses.add(`${attempt.kind}: ${status}`);
    }
  };
  await Promise.all(Array.from({ length: clientsAtOnce }, client));
  return statuses;
}

async function expectGoodService(): Promise<void> {
  const { status, socket } = await sendRaw(port, connectRequest(authority, key.basicAuth));
  expect(status).toBe(200);
  socket.end('still here');
  expect(await readToEnd(socket)).toBe('still here');
}

it('malformed input by the thousand: all are answered or closed, and nothing is left', async () => {
  const settle = async (sockets: number) => {
    await vi.waitFor(
      async () => {
        expect(await metric('gateway_open_tunnels')).toBe(0);
        expect(await metric('gateway_spool_events')).toBe(0);
        expect(socketsHeld()).toBeLessThanOrEqual(sockets);
      },
      { timeout: 60_000, interval: 100 },
    );
    return heapBytes();
  };
  await expectGoodService();
  // connections to the database are made as they are needed
  const most = socketsHeld() + 8;
  const seen = await round(attemptsARound);
  await settle(most);
  const sockets = socketsHeld();
  await round(attemptsARound);
  const first = await settle(sockets);
  await round(attemptsARound);
  const second = await settle(sockets);

  console.log([...seen].sort().join('\n'), first, second);
  // a kilobyte for each attempt would be a leak
  expect(second - first).toBeLessThan(attemptsARound * 1_000);
  expect(await metric('gateway_connects_total{status="500"')).toBe(0);
  expect(child.exitCode).toBeNull();
  expect(stderr).toBe('');
  await expectGoodService();
});

describe('each of these is told so, with a good key', () => {
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
    ['a header of 1 MB', header(`X: ${'x'.repeat(1_000_000)}`)],
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
    ['no base64', () => ['Proxy-Authorization: Basic !!!!']],
    ['bytes that are no ASCII', () => [basic('\xff\xfe:\xff')]],
    ['nothing', () => ['Proxy-Authorization:']],
    ['a scheme alone', () => ['Proxy-Authorization: Basic']],
    ['the good ones second', () => [basic('a:b'), basic(key.basicAuth)]],
    ['the good ones in another header', () => [basic(key.basicAuth).replace('Proxy-', '')]],
  ])('407 for credentials with %s', async (_, headers) => {
    const bytes = request(`CONNECT ${authority} HTTP/1.1`, ...headers());
    const said = await sendRaw(port, Buffer.from(bytes, 'latin1'));
    expect(said.status).toBe(407);
    expect(said.body).toMatch(/^credentials_required: [^\n]+\n$/);
  });
});

it.each([
  ['alone', []],
  ['as a body with a length', ['Content-Length: 5']],
  ['as a body in chunks', ['Transfer-Encoding: chunked']],
])('bytes sent together with the CONNECT reach the target as they are: %s', async (_, headers) => {
  const early = '\x16\x03\x01 early '.repeat(20_000);
  const head = request(`CONNECT ${authority} HTTP/1.1`, basic(key.basicAuth), ...headers);
  const { status, socket } = await sendRaw(port, Buffer.from(head + early, 'latin1'));
  expect(status).toBe(200);
  socket.end('late');
  const said = await readToEnd(socket);
  expect(said.length).toBe(early.length + 4);
  expect(said === `${early}late`).toBe(true);
});

it('a client that sends its first request byte by byte is hung up on, each byte or not', async () => {
  const attempt = {
    kind: 'slow',
    bytes: Buffer.from('CONNECT '),
    ending: 'drip',
    after: 0,
  } as const;
  expect(await make(attempt, port)).toBe('');
});

it('a refused client that goes on sending is hung up on', async () => {
  const bytes = Buffer.from(request('POST http://127.0.0.1/ HTTP/1.1', 'Content-Length: 1000000'));
  expect(await make({ kind: 'slow', bytes, ending: 'drip', after: 0 }, port)).toMatch(
    /^HTTP\/1.1 407 /,
  );
});
