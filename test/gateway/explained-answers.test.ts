import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  connectRequest,
  type GatewayFixture,
  plainRequest,
  type RawAnswer,
  readToEnd,
  sendRaw,
  startTestGateway,
} from '../support/gateway/gateway-fixture.ts';
import { type KeyOwner, newKeyOwner, type UsableKey } from '../support/gateway/key-owner.ts';
import { startPlainTarget, startTcpTarget, type TargetServer } from '../support/gateway/targets.ts';
import { connectOwner } from '../support/personas.ts';
import { overrideLimits } from '../support/seeded-keys.ts';
import { openBlackHole } from './black-hole.ts';

const sql = connectOwner();
const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;
let gateway: GatewayFixture;
let owner: KeyOwner;
let key: UsableKey;
let target: TargetServer;
/** Accepts connections, and sends nothing until the client ends. */
let held: TargetServer;

beforeAll(async () => {
  [gateway, owner, target, held] = await Promise.all([
    startTestGateway(),
    newKeyOwner(sql),
    startPlainTarget((_, response) => response.end('hello')),
    startTcpTarget((socket) => socket.resume().once('end', () => socket.end())),
  ]);
});

beforeEach(async () => {
  key = await owner.newKey();
  await overrideLimits(sql, key.id, { rate_limit: 1000 });
});

afterAll(async () => {
  await Promise.all([gateway.stop(), target.close(), held.close(), sql.end()]);
});

const idOf = ({ headers }: RawAnswer) => headers['proxy-request-id'] ?? '';
const logged = (id: string) =>
  gateway.logged.map((line) => JSON.parse(line)).filter((line) => line.id === id);

async function openTunnel(authority: string): Promise<Socket> {
  const { status, socket } = await sendRaw(gateway.port, connectRequest(authority, key.basicAuth));
  expect(status).toBe(200);
  return socket;
}

describe('an answer has the id of its event', () => {
  it('for a tunnel, and for a plain request', async () => {
    const bytes = [
      connectRequest(`127.0.0.1:${target.port}`, key.basicAuth),
      plainRequest(`http://127.0.0.1:${target.port}/`, key.basicAuth),
    ];
    const answers = await Promise.all(bytes.map((each) => sendRaw(gateway.port, each)));
    for (const { socket } of answers) socket.destroy();
    const events = await owner.eventsOf(key, 2);
    expect(events.map(({ event_id }) => event_id).sort()).toEqual(answers.map(idOf).sort());
    expect(events.map(({ code }) => code)).toEqual([null, null]);
    for (const answer of answers)
      expect(logged(idOf(answer))).toMatchObject([{ keyId: key.keyId }]);
  });

  it('for a refusal and a failure, with one code in the answer, the event and the log', async () => {
    const rude = await startTcpTarget((socket) => socket.end('SSH-2.0-OpenSSH_9.9\r\n'));
    const cases = {
      port_forbidden: connectRequest('192.0.43.8:22', key.basicAuth),
      target_forbidden: connectRequest('10.0.0.1:443', key.basicAuth),
      target_unreachable: connectRequest('no-such-name.invalid:443', key.basicAuth),
      target_response_invalid: plainRequest(`http://127.0.0.1:${rude.port}/`, key.basicAuth),
    };
    for (const [code, bytes] of Object.entries(cases)) {
      const answer = await sendRaw(gateway.port, bytes);
      expect(answer.body).toMatch(new RegExp(`^${code}: `));
      expect(answer.headers['proxy-status']).toMatch(
        new RegExp(`^proxy-keys; error=[a-z_]+; details="${code}"$`),
      );
      expect(idOf(answer)).toMatch(uuidV7);
      await vi.waitFor(async () => {
        const [event] = await sql`select code, status_code from proxy_private.proxy_usage_events
          where event_id = ${idOf(answer)}`;
        expect(event).toEqual({ code, status_code: answer.status });
      }, 30_000);
      expect(logged(idOf(answer))).toContainEqual(
        expect.objectContaining({ code, keyId: key.keyId, msg: 'refused' }),
      );
    }
    await rude.close();
  });

  it('for refusals that are counted together: one event per key, code and minute', async () => {
    await overrideLimits(sql, key.id, { bandwidth_limit_bytes: 0 });
    const asked = connectRequest(`127.0.0.1:${target.port}`, key.basicAuth);
    const answers: RawAnswer[] = [];
    while (answers.length < 20) answers.push(await sendRaw(gateway.port, asked));
    expect(await owner.refusalsOf(key, 20)).toEqual({ quota_exceeded: 20 });
    const ids = new Set(answers.map(idOf));
    const events = await owner.eventsOf(key, ids.size);
    expect(ids.size).toBeLessThan(20);
    expect(new Set(events.map(({ event_id }) => event_id))).toEqual(ids);
    const [used] = await sql`select requests from proxy_private.proxy_usage_monthly
      where api_key_id = ${key.id}`;
    expect(used).toBeUndefined();
  });

  it('for an unknown client, which has no event: the id is only in the log, below info', async () => {
    const answer = await sendRaw(gateway.port, connectRequest('127.0.0.1:80'));
    expect(idOf(answer)).toMatch(uuidV7);
    expect(answer.headers['proxy-status']).toContain('details="credentials_required"');
    expect(logged(idOf(answer))).toMatchObject([{ level: 20, code: 'credentials_required' }]);
  });

  it('for bytes that are not a request, in the same way', async () => {
    const answer = await sendRaw(gateway.port, 'no request\r\n\r\n');
    expect(idOf(answer)).toMatch(uuidV7);
    expect(logged(idOf(answer))).toMatchObject([{ level: 20, code: 'malformed_request' }]);
  });
});

describe('a client that disconnects before it gets an answer', () => {
  it('is recorded as 499 client_closed_request, and as a request', async () => {
    const { connections } = held;
    const socket = connect({ port: gateway.port, host: '127.0.0.1' }).on('error', () => {});
    socket.write(plainRequest(`http://127.0.0.1:${held.port}/`, key.basicAuth));
    await vi.waitFor(() => expect(held.connections).toBe(connections + 1), 30_000);
    socket.destroy();
    expect(await owner.eventsOf(key, 1)).toMatchObject([
      { status_code: 499, code: 'client_closed_request' },
    ]);
  });
});

describe('open tunnels', () => {
  it('beyond the key’s limit get 429 tunnel_limit_reached, until another tunnel closes', async () => {
    await overrideLimits(sql, key.id, { tunnel_limit: 2 });
    const authority = `127.0.0.1:${held.port}`;
    const tunnels = [await openTunnel(authority), await openTunnel(authority)];
    const asked = [
      connectRequest(authority, key.basicAuth),
      plainRequest(`http://${authority}/`, key.basicAuth),
    ];
    for (const bytes of asked) {
      const answer = await sendRaw(gateway.port, bytes);
      expect([answer.status, answer.body.split(':')[0]]).toEqual([429, 'tunnel_limit_reached']);
    }
    const other = await owner.newKey();
    const theirs = await sendRaw(gateway.port, connectRequest(authority, other.basicAuth));
    expect(theirs.status).toBe(200);
    theirs.socket.destroy();

    tunnels[0]?.destroy();
    await vi.waitFor(async () => tunnels.push(await openTunnel(authority)), 30_000);
    for (const tunnel of tunnels) tunnel.destroy();
    await vi.waitFor(async () => {
      const refused = await sql`select code, sum(count)::int as count
        from proxy_private.proxy_usage_events where api_key_id = ${key.id} and code is not null group by 1`;
      // the client asks again until a tunnel has closed
      expect(refused).toEqual([{ code: 'tunnel_limit_reached', count: expect.any(Number) }]);
      expect(refused[0]?.count).toBeGreaterThanOrEqual(2);
    }, 30_000);
  });

  it('include those that are still connecting', async () => {
    await overrideLimits(sql, key.id, { tunnel_limit: 1 });
    const hole = await openBlackHole();
    const silent = connect({ port: gateway.port, host: '127.0.0.1' });
    silent.write(connectRequest(`127.0.0.1:${hole.port}`, key.basicAuth));
    silent.on('error', () => {});
    await once(silent, 'connect');
    await vi.waitFor(async () => {
      const answer = await sendRaw(gateway.port, connectRequest('10.0.0.1:443', key.basicAuth));
      expect(answer.body).toMatch(/^tunnel_limit_reached: /);
    }, 30_000);
    silent.destroy();
    await hole.close();
  });
});

describe('a lack of descriptors', () => {
  it('gives 503 unavailable, one log line, and no failure of the target', async () => {
    // 40 minus a quarter in reserve: 15 for clients, and 15 for targets
    const small = await startTestGateway({ descriptorLimit: 40 });
    const authority = `127.0.0.1:${held.port}`;
    const open: Socket[] = [];
    let answer: RawAnswer;
    do {
      answer = await sendRaw(small.port, connectRequest(authority, key.basicAuth));
      open.push(answer.socket);
    } while (answer.status === 200);
    expect(open.length).toBe(16);
    expect(answer.status).toBe(503);
    expect(answer.headers['proxy-status']).toContain('error=connection_limit_reached');
    const warnings = small.logged.filter((line) => line.includes('too many connections'));
    expect(warnings).toHaveLength(1);
    for (const socket of open) socket.destroy();
    await vi.waitFor(async () => {
      const again = await sendRaw(small.port, connectRequest(authority, key.basicAuth));
      again.socket.destroy();
      expect(again.status).toBe(200);
    }, 30_000);
    await small.stop();
  });
});

describe('connections of one address without a proven key', () => {
  it('are limited; connections with a proven key and other addresses do not count', async () => {
    const small = await startTestGateway({ unprovenPerAddress: 3 });
    const asked = connectRequest(`127.0.0.1:${held.port}`, key.basicAuth);
    const proven = await Promise.all(Array.from({ length: 3 }, () => sendRaw(small.port, asked)));
    expect(proven.map(({ status }) => status)).toEqual([200, 200, 200]);
    const silent = Array.from({ length: 3 }, () =>
      connect({ port: small.port, host: '127.0.0.1', localAddress: '127.0.0.1' }),
    );
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    const turnedAway = connect({ port: small.port, host: '127.0.0.1' });
    expect(await readToEnd(turnedAway)).toMatch(/^HTTP\/1.1 503 .*\r\n\r\nunavailable: [^\n]+\n$/s);
    const elsewhere = await sendRaw(small.port, asked, { localAddress: '127.0.0.2' });
    expect(elsewhere.status).toBe(200);
    for (const { socket } of [...proven, elsewhere]) socket.destroy();
    for (const socket of silent) socket.destroy();
    await vi.waitFor(async () => {
      const again = await sendRaw(small.port, asked);
      again.socket.destroy();
      expect(again.status).toBe(200);
    }, 30_000);
    await small.stop();
  });
});
