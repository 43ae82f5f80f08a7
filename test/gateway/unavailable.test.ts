import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { ClientConnections } from '../../gateway/clients/client-connections.ts';
import { Descriptors } from '../../gateway/descriptors.ts';
import { keyMaxAgeMs } from '../../gateway/keys/key-cache.ts';
import {
  RequestHandler,
  type RequestHandlerOptions,
} from '../../gateway/requests/request-handler.ts';
import { freePort } from '../../scripts/stack/ports.ts';
import {
  connectRequest,
  plainRequest,
  type RawAnswer,
  readToEnd,
  sendRaw,
  startTestGateway,
} from '../support/gateway/gateway-fixture.ts';
import { type KeyOwner, newKeyOwner, type UsableKey } from '../support/gateway/key-owner.ts';
import { startListeningServer } from '../support/gateway/listening-server.ts';
import { startTcpTarget, type TargetServer } from '../support/gateway/targets.ts';
import { startTcpProxy } from '../support/gateway/tcp-proxy.ts';
import { connectOwner } from '../support/personas.ts';
import { overrideLimits } from '../support/seeded-keys.ts';
import { untilNotReady } from './readiness/read-readiness.ts';
import { startDeafTarget } from './targets/deaf-target.ts';

const stack = inject('stack');
const sql = connectOwner();
let owner: KeyOwner;
let key: UsableKey;
let target: TargetServer;

beforeAll(async () => {
  [owner, target] = await Promise.all([newKeyOwner(sql), startTcpTarget((socket) => socket.end())]);
  key = await owner.newKey();
  await overrideLimits(sql, key.id, { rate_limit: 100000 });
});

afterAll(async () => {
  await Promise.all([target.close(), sql.end()]);
});

async function start(settings: Parameters<typeof startTestGateway>[0] = {}) {
  const gateway = await startTestGateway(settings);
  onTestFinished(() => gateway.stop());
  return gateway;
}

function expectUnavailable(answer: RawAnswer): void {
  expect(answer.status).toBe(503);
  expect(answer.body).toMatch(/^unavailable: [^\n]+\n$/);
  expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
}

describe('503 unavailable', () => {
  const good = () => connectRequest(`127.0.0.1:${target.port}`, key.basicAuth);

  const connected = async (port: number) => {
    const answer = await sendRaw(port, good());
    answer.socket.destroy();
    return answer;
  };

  it('when the database is away, for callers that may hold a key', async () => {
    const away = new URL(stack.gatewayDbUrl);
    away.port = String(await freePort());
    const gateway = await start({ databaseUrl: away.href });
    expectUnavailable(await sendRaw(gateway.port, good()));
    expectUnavailable(
      await sendRaw(gateway.port, plainRequest('http://127.0.0.1/', key.basicAuth)),
    );
    // this answer needs no database
    expect((await sendRaw(gateway.port, connectRequest('127.0.0.1:80'))).status).toBe(407);
    expect(await gateway.metric('gateway_connects_total', { status: '503' })).toBe(2);
  });

  it('when the database does not answer', async () => {
    const proxy = await startTcpProxy(stack.gatewayDbUrl);
    onTestFinished(() => proxy.close());
    proxy.blackHole();
    const gateway = await start({ databaseUrl: proxy.through(stack.gatewayDbUrl) });
    expectUnavailable(await sendRaw(gateway.port, good()));
  });

  it('when a cached key is 30 s old and the database is away, and not before', async () => {
    // a whole number, because a sum of fractions may be inexact
    let now = 1_000;
    const proxy = await startTcpProxy(stack.gatewayDbUrl);
    onTestFinished(() => proxy.close());
    const databaseUrl = proxy.through(stack.gatewayDbUrl);
    const gateway = await start({ databaseUrl, now: () => now });
    await vi.waitFor(async () => expect(await gateway.metric('gateway_listening')).toBe(1));
    expect((await connected(gateway.port)).status).toBe(200);
    expect(await gateway.metric('gateway_cached_keys')).toBe(1);

    // no notification arrives, so the key stays cached
    proxy.blackHole();
    now += keyMaxAgeMs;
    expect((await connected(gateway.port)).status).toBe(200);
    now += 1;
    expectUnavailable(await connected(gateway.port));

    proxy.restore();
    await vi.waitFor(async () => expect((await connected(gateway.port)).status).toBe(200), {
      timeout: 60_000,
    });
  });

  it('while the spool accepts no events; none is lost', async () => {
    const gateway = await start();
    const spent = await owner.newKey();
    expect((await connected(gateway.port)).status).toBe(200);
    await vi.waitFor(async () => {
      const recorded = await gateway.metric('gateway_usage_events_total', { outcome: 'recorded' });
      expect(recorded).toBe(1);
      expect(await gateway.metric('gateway_spool_events')).toBe(0);
    });
    rmSync(gateway.spoolDirectory, { recursive: true });
    const forbidden = connectRequest('10.0.0.1:443', spent.basicAuth);
    expect((await sendRaw(gateway.port, forbidden)).status).toBe(403);
    await vi.waitFor(async () => expectUnavailable(await connected(gateway.port)));
    await untilNotReady(gateway, ['spool_full']);

    mkdirSync(gateway.spoolDirectory);
    await vi.waitFor(async () => expect((await connected(gateway.port)).status).toBe(200), {
      timeout: 60_000,
    });
    expect((await owner.eventsOf(spent, 1))[0]).toMatchObject({ status_code: 403 });
  });

  it('while the gateway stops, for a client that connected before', async () => {
    const held = await startTcpTarget((socket) => socket.resume().once('end', () => socket.end()));
    onTestFinished(() => held.close());
    const gateway = await startTestGateway({ drainMs: 600_000, lastRequestsMs: 0 });
    // it serves before it receives changes, which would be another reason
    await vi.waitFor(async () => {
      expect((await fetch(`${gateway.operationsUrl}/readyz`)).status).toBe(200);
    });
    const open = await sendRaw(
      gateway.port,
      connectRequest(`127.0.0.1:${held.port}`, key.basicAuth),
    );
    expect(open.status).toBe(200);
    const early = await connectTo(gateway.port);
    const stopped = gateway.stop();
    await vi.waitFor(async () => {
      const late = await connectTo(gateway.port).catch(() => null);
      late?.destroy();
      expect(late).toBeNull();
    });

    const ready = await fetch(`${gateway.operationsUrl}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toMatch(/^stopping: [^\n]+\n$/);
    early.write(good());
    const said = await readToEnd(early);
    expect(said).toMatch(/^HTTP\/1\.1 503 /);
    expect(said).toMatch(/\r\nretry-after: 5\r\n/i);
    open.socket.destroy();
    await stopped;
  });
});

describe('504 target_timeout', () => {
  it.each([
    ['a CONNECT', connectRequest],
    [
      'a plain request',
      (authority: string, basicAuth: string) => plainRequest(`http://${authority}/`, basicAuth),
    ],
  ])('for %s to a target that never accepts the connection', async (_, request) => {
    const [gateway, late] = await Promise.all([start({ connectTimeoutMs: 200 }), owner.newKey()]);
    const deaf = await startDeafTarget();
    onTestFinished(() => deaf.close());
    const answer = await sendRaw(gateway.port, request(`127.0.0.1:${deaf.port}`, late.basicAuth));
    expect(answer.status).toBe(504);
    expect(answer.body).toMatch(/^target_timeout: [^\n]+\n$/);
    expect(await owner.eventsOf(late, 1)).toMatchObject([{ status_code: 504 }]);
  });
});

describe('500 internal', () => {
  it.each([
    ['a CONNECT', () => connectRequest('example.com:443', key.basicAuth)],
    ['a plain request', () => plainRequest('http://example.com/', key.basicAuth)],
  ])('for %s, without the cause, which is only logged', async (_, request) => {
    const logged: string[] = [];
    const log = pino({ level: 'error' }, { write: (line: string) => logged.push(line) });
    const descriptors = new Descriptors(1_000);
    const connections = new ClientConnections({ descriptors, mostUnproven: 10, log });
    // the rest is not reached
    const handler = new RequestHandler({
      stopping() {
        throw new Error('a broken invariant');
      },
      session: { answered: () => {} },
      connections,
      log,
    } as unknown as RequestHandlerOptions);
    const server = await startListeningServer({
      headTimeoutMs: 10_000,
      now: () => performance.now(),
      connections,
      serve: (request) => void handler.serve(request),
      onRefused: () => {},
    });
    onTestFinished(() => server.close());
    const answer = await sendRaw(server.port, request());
    expect(answer.status).toBe(500);
    expect(answer.body).toMatch(/^internal: [^\n]+\n$/);
    expect(answer.body + JSON.stringify(answer.headers)).not.toContain('invariant');
    expect(logged.join('')).toContain('a broken invariant');
  });
});

async function connectTo(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  await once(socket, 'connect');
  socket.on('error', () => {});
  return socket;
}
