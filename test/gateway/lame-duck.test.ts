import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import {
  connectRequest,
  plainRequest,
  readToEnd,
  sendRaw,
  startTestGateway,
} from '../support/gateway/gateway-fixture.ts';
import { startGatewayProcess } from '../support/gateway/gateway-process.ts';
import { type KeyOwner, newKeyOwner, type UsableKey } from '../support/gateway/key-owner.ts';
import { startPlainTarget, type TargetServer } from '../support/gateway/targets.ts';
import { connectOwner } from '../support/personas.ts';
import { overrideLimits } from '../support/seeded-keys.ts';
import { temporaryFolder } from '../support/stack/start-command.ts';
import { readReadiness, untilNotReady, untilReady } from './readiness/read-readiness.ts';
import { startDeafTarget } from './targets/deaf-target.ts';

const stack = inject('stack');
const sql = connectOwner();
let owner: KeyOwner;
let key: UsableKey;
let target: TargetServer;
/** Requests for /held, which the test answers. */
const held: ServerResponse[] = [];

beforeAll(async () => {
  owner = await newKeyOwner(sql);
  key = await owner.newKey();
  await overrideLimits(sql, key.id, { rate_limit: 100000 });
  target = await startPlainTarget((request, response) => {
    if (request.url === '/held') held.push(response);
    else response.end('answered');
  });
});
afterAll(() => Promise.all([target.close(), sql.end()]));

const get = (path: string) => plainRequest(`http://127.0.0.1:${target.port}${path}`, key.basicAuth);

/** A client that keeps its connection open. */
async function newClient(port: number) {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.on('error', () => {});
  const ended = once(socket, 'end');
  ended.catch(() => {});
  const early = ended.then(() => {
    throw new Error('the connection ended before the answer did');
  });
  early.catch(() => {});
  return {
    ended,
    send: (path: string) => socket.write(get(path)),
    /** The raw next answer, in one part or several. */
    async answer(): Promise<string> {
      let text = '';
      while (!text.endsWith('answered') && !text.endsWith('0\r\n\r\n')) {
        const [chunk] = await Promise.race([once(socket, 'data'), early]);
        text += String(chunk);
      }
      return text;
    },
  };
}

const closing = /^HTTP\/1\.1 200 [\s\S]*\r\nconnection: close\r\n/i;

async function refused(port: number): Promise<boolean> {
  const socket: Socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
  } finally {
    socket.destroy();
  }
}

describe('a gateway in lame-duck mode', () => {
  it('is not ready, serves all requests, and asks clients to close their connections', async () => {
    const gateway = await startTestGateway({ lameDuckMs: 600_000, drainMs: 0 });
    await untilReady(gateway);
    const kept = await newClient(gateway.port);
    kept.send('/');
    expect(await kept.answer()).not.toMatch(closing);
    const waiting = await newClient(gateway.port);
    waiting.send('/held');
    await vi.waitFor(() => expect(held).toHaveLength(1));

    const hurry = new AbortController();
    const stopped = gateway.stop(hurry.signal);
    await untilNotReady(gateway, ['stopping']);
    // a second call joins the first
    expect(gateway.stop()).toBeInstanceOf(Promise);

    kept.send('/');
    expect(await kept.answer()).toMatch(closing);
    await kept.ended;
    held.pop()?.end('answered');
    expect(await waiting.answer()).toMatch(closing);
    await waiting.ended;
    const late = await newClient(gateway.port);
    late.send('/');
    expect(await late.answer()).toMatch(closing);
    const authority = `127.0.0.1:${target.port}`;
    const tunnel = await sendRaw(gateway.port, connectRequest(authority, key.basicAuth));
    expect(tunnel.status).toBe(200);
    tunnel.socket.write('GET /tunnelled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(await readToEnd(tunnel.socket)).toContain('answered');
    expect((await readReadiness(gateway)).codes).toEqual(['stopping']);

    hurry.abort();
    await stopped;
    expect(await refused(gateway.port)).toBe(true);
  });

  it('stops after GATEWAY_LAME_DUCK_MS', async () => {
    const gateway = await startTestGateway({ lameDuckMs: 300, drainMs: 0 });
    const startedAt = performance.now();
    await gateway.stop();
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(299);
    expect(await refused(gateway.port)).toBe(true);
  });

  it('closes a connection after its pending answer when it drains', async () => {
    const gateway = await startTestGateway({ drainMs: 600_000 });
    const waiting = await newClient(gateway.port);
    waiting.send('/held');
    await vi.waitFor(() => expect(held).toHaveLength(1));
    const stopped = gateway.stop();
    await vi.waitFor(async () => expect(await refused(gateway.port)).toBe(true));
    held.pop()?.end('answered');
    expect(await waiting.answer()).toMatch(closing);
    await stopped;
  });
});

describe('a stopping gateway answers', () => {
  it('a client that connected before the port closed, and asks only afterwards', async () => {
    const gateway = await startTestGateway({ drainMs: 600_000, lastRequestsMs: 60_000 });
    const early = await newClient(gateway.port);
    const stopped = gateway.stop();
    await vi.waitFor(async () => expect(await refused(gateway.port)).toBe(true));
    early.send('/');
    expect(await early.answer()).toMatch(closing);
    await stopped;
  });

  it('a request while its target is still connecting', async () => {
    const deaf = await startDeafTarget();
    onTestFinished(() => deaf.close());
    const gateway = await startTestGateway({ drainMs: 600_000, connectTimeoutMs: 500 });
    const answer = sendRaw(gateway.port, connectRequest(`127.0.0.1:${deaf.port}`, key.basicAuth));
    await vi.waitFor(async () => {
      expect(await gateway.metric('gateway_key_requests_total')).toBeGreaterThan(0);
    });
    const stopped = gateway.stop();
    expect((await answer).status).toBe(504);
    await stopped;
  });
});

it.each(['SIGTERM', 'SIGINT'] as const)(
  '%s starts it, and a second signal ends it',
  async (signal) => {
    const gateway = startGatewayProcess({
      GATEWAY_DATABASE_URL: stack.gatewayDbUrl,
      GATEWAY_PORT: '0',
      GATEWAY_METRICS_PORT: '0',
      GATEWAY_SPOOL_DIR: `${temporaryFolder()}/spool`,
      GATEWAY_ALLOW_TARGETS: '127.0.0.0/8',
      GATEWAY_LAME_DUCK_MS: '600000',
      GATEWAY_DRAIN_MS: '600000',
    });
    onTestFinished(async () => void (await gateway.kill()));
    const { port, operationsUrl } = await gateway.ready();
    await untilReady({ operationsUrl });
    gateway.child.kill(signal);
    await vi.waitFor(async () => {
      expect((await readReadiness({ operationsUrl })).codes).toEqual(['stopping']);
    });
    const client = await newClient(port);
    client.send('/');
    expect(await client.answer()).toMatch(closing);
    gateway.child.kill('SIGTERM');
    expect(await gateway.ended).toBe(0);
    expect(gateway.stderr()).toBe('');
  },
);
