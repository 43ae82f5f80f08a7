import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { connectOwner } from '../personas.ts';
import { connectRequest, readToEnd, sendRaw } from './gateway-fixture.ts';
import { newKeyOwner, type UsableKey } from './key-owner.ts';
import { make, randomAttempt } from './malformed-requests.ts';
import { SeededRandom } from './seeded-random.ts';
import { type DeafTarget, startDeafTarget } from './targets/deaf-target.ts';
import { startTcpTarget, type TargetServer } from './targets.ts';

const script = fileURLToPath(new URL('fuzz/measured-gateway.ts', import.meta.url));
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
  const owner = await newKeyOwner(sql);
  key = await owner.newKey();
  await sql`update private.proxy_keys set rate_limit_override = 100000 where id = ${key.id}`;
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
  socket.once('end', () => socket.end());
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

/** Makes random attempts, so many at a time, and checks what each is told. Gives all statuses. */
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
      statuses.add(status);
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

it(`malformed input by the thousand is answered or closed, and leaves nothing; TEST_SEED=${seed}`, async () => {
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

  // that the gateway was really tried
  for (const each of ['200', '400', '407', 'closed']) expect(seen).toContain(each);
  // a kilobyte for each attempt would be a leak
  expect(second - first).toBeLessThan(attemptsARound * 1_000);
  expect(await metric('gateway_connects_total{status="500"')).toBe(0);
  expect(child.exitCode).toBeNull();
  expect(stderr).toBe('');
  await expectGoodService();
});
