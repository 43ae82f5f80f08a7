import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { askBy } from '../../support/both-ways.ts';
import { calls } from '../../support/calls.ts';
import {
  connectRequest,
  type GatewayFixture,
  sendRaw,
  startTestGateway,
} from '../../support/gateway/gateway-fixture.ts';
import { type KeyOwner, newKeyOwner, type UsableKey } from '../../support/gateway/key-owner.ts';
import { startTcpTarget, type TargetServer } from '../../support/gateway/targets.ts';
import { connectOwner } from '../../support/personas.ts';
import { overrideAccountLimits, overrideLimits } from '../../support/seeded-keys.ts';

const sql = connectOwner();
const limit = 1_000_000;
/** The bytes of one write. */
const part = 50_000;
/** Nothing is reported before the gateway stops. */
const withoutReports = { flushMs: 60_000 };
let target: TargetServer;
let owner: KeyOwner;
const running: GatewayFixture[] = [];

beforeAll(async () => {
  target = await startTcpTarget((socket) => socket.resume());
});
/** An account whose live keys share `limit` bytes, and whose test keys share half of it. */
beforeEach(async () => {
  owner = await newKeyOwner(sql);
  await share(limit, limit / 2);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((gateway) => gateway.stop()));
});
afterAll(() => Promise.all([target.close(), sql.end()]));

const share = (live: number, test: number) =>
  overrideAccountLimits(
    sql,
    { userId: owner.persona.id },
    { account_limit_bytes: live, test_limit_bytes: test },
  );

async function start(settings: Parameters<typeof startTestGateway>[0] = {}) {
  const gateway = await startTestGateway(settings);
  running.push(gateway);
  return gateway;
}

async function connect({ port }: GatewayFixture, key: UsableKey) {
  const answer = await sendRaw(port, connectRequest(`127.0.0.1:${target.port}`, key.basicAuth));
  answer.socket.on('error', () => {}).resume();
  return answer;
}

async function open(gateway: GatewayFixture, key: UsableKey): Promise<Socket> {
  const { status, socket } = await connect(gateway, key);
  expect(status).toBe(200);
  return socket;
}

/** Sends this many bytes, unless the tunnel is closed before. */
async function send(socket: Socket, bytes: number): Promise<void> {
  for (let sent = 0; sent < bytes && !socket.destroyed; sent += part) {
    socket.write(Buffer.alloc(Math.min(part, bytes - sent)));
    if (socket.writableNeedDrain)
      await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
  }
}

/** Resolves once the gateway has closed them. */
const untilCut = (sockets: Socket[]) =>
  vi.waitFor(() => expect(sockets.every(({ destroyed }) => destroyed)).toBe(true), {
    timeout: 60_000,
  });

const refused = async (gateway: GatewayFixture, key: UsableKey) => {
  const { status, body, headers } = await connect(gateway, key);
  expect([status, body.split(':')[0]]).toEqual([402, 'account_quota_exceeded']);
  expect(headers['proxy-status']).toBe(
    'proxy-keys; error=http_request_denied; details="account_quota_exceeded"',
  );
};

/** The bytes of all live keys in the database, after the gateways have reported everything. */
async function settledBytes(): Promise<number> {
  await Promise.all(running.splice(0).map((gateway) => gateway.stop()));
  const [row] = await sql`
    select sum(bytes_sent + bytes_received)::float8 as bytes from proxy_private.proxy_account_monthly
    where user_id = ${owner.persona.id} and live_mode`;
  return Number(row?.bytes);
}

describe('at one node, before anything is reported', () => {
  it('if one key uses up the account, all its tunnels are closed, and each key is refused, even a new one', async () => {
    const gateway = await start(withoutReports);
    const keys = [await owner.newKey(), await owner.newKey()] as const;
    const tunnels = [await open(gateway, keys[0]), await open(gateway, keys[1])] as const;
    await send(tunnels[0], limit / 2);
    await send(tunnels[1], limit / 2 - part);
    await vi.waitFor(async () =>
      expect(target.bytes().received).toBeGreaterThanOrEqual(limit - part),
    );
    expect(tunnels.map(({ destroyed }) => destroyed)).toEqual([false, false]);
    await send(tunnels[0], part);
    await untilCut([...tunnels]);
    for (const key of [...keys, await owner.newKey()]) await refused(gateway, key);
    // the refusal is recorded for the key, with its code
    expect(
      await sql`select from proxy_private.proxy_account_monthly where user_id = ${owner.persona.id}`,
    ).toHaveLength(0);
    expect(await settledBytes()).toBe(limit);
    expect(await owner.refusalsOf(keys[0], 1)).toEqual({ account_quota_exceeded: 1 });
  });

  it('deleted and newly minted keys do not raise the limit', async () => {
    const gateway = await start(withoutReports);
    const before = target.bytes().received;
    let moved = 0;
    for (;;) {
      const key = await owner.newKey();
      const { status, socket } = await connect(gateway, key);
      if (status === 402) break;
      expect(status).toBe(200);
      await send(socket, 3 * part);
      moved += 3 * part;
      await vi.waitFor(() =>
        expect(socket.destroyed || target.bytes().received >= before + moved).toBe(true),
      );
      socket.destroy();
      expect((await askBy.rpc(calls.delete(owner.persona, key.id))).status).toBeLessThan(300);
      expect(moved).toBeLessThan(limit + 3 * part);
    }
    const bytes = await settledBytes();
    expect(bytes).toBeGreaterThanOrEqual(limit);
    // the last tunnel was cut at a sweep
    expect(bytes).toBeLessThanOrEqual(moved);
  });

  it('the tunnels of a hundred keys close with no more overshoot than between two sweeps', async () => {
    const gateway = await start(withoutReports);
    const keys = await Promise.all(Array.from({ length: 100 }, () => owner.newKey()));
    const tunnels = await Promise.all(keys.map((key) => open(gateway, key)));
    await Promise.all(tunnels.map((tunnel) => send(tunnel, limit / 100)));
    await untilCut(tunnels);
    for (const key of keys.slice(0, 5)) await refused(gateway, key);
    expect(await settledBytes()).toBe(limit);
  });
});

it('on two nodes, the reports of both close open tunnels and cause refusals at both', async () => {
  const nodes = [await start(), await start()] as const;
  const keys = [await owner.newKey(), await owner.newKey()] as const;
  const tunnels = [await open(nodes[0], keys[0]), await open(nodes[1], keys[1])] as const;
  await Promise.all(tunnels.map((tunnel) => send(tunnel, limit / 2)));
  await untilCut([...tunnels]);
  for (const node of nodes) for (const key of keys) await refused(node, key);
  // each moved no more than what it did not know of the other
  expect(await settledBytes()).toBe(limit);
});

it('test keys share their own limit, and live keys continue', async () => {
  const gateway = await start(withoutReports);
  const [live, ...tests] = [
    await owner.newKey(),
    await owner.newKey({ liveMode: false }),
    await owner.newKey({ liveMode: false }),
  ] as const;
  const going = await open(gateway, live);
  const tunnels = [await open(gateway, tests[0]), await open(gateway, tests[1])];
  for (const tunnel of tunnels) await send(tunnel, limit / 4);
  await untilCut(tunnels);
  for (const key of tests) await refused(gateway, key);
  await send(going, limit / 2);
  (await open(gateway, live)).destroy();
  expect(going.destroyed).toBe(false);
  going.destroy();
});

it('the key’s own limit is named if both are used up; a raised limit takes effect at once', async () => {
  const gateway = await start();
  const key = await owner.newKey();
  await share(0, 0);
  await refused(gateway, key);
  await overrideLimits(sql, key.id, { bandwidth_limit_bytes: 0 });
  await vi.waitFor(async () =>
    expect((await connect(gateway, key)).body).toMatch(/^quota_exceeded: /),
  );
  await overrideLimits(sql, key.id, { bandwidth_limit_bytes: limit });
  await share(limit, 0);
  await vi.waitFor(async () => (await open(gateway, key)).destroy());
});

it('usage that an earlier run left in the spool counts as soon as its key is looked up', async () => {
  const first = await start({ ...withoutReports, keepSpool: true });
  const [one, two] = [await owner.newKey(), await owner.newKey()];
  const tunnel = await open(first, one);
  await send(tunnel, limit);
  await untilCut([tunnel]);
  // its events are on disk but not in the database, which is locked for now
  await sql.begin(async (transaction) => {
    await transaction`lock table proxy_private.proxy_account_monthly in share mode`;
    running.splice(0);
    await first.stop();
    const next = await start({ ...withoutReports, spoolDirectory: first.spoolDirectory });
    await refused(next, one);
    await refused(next, two);
  });
});
