import type { Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
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
import { ask, basic, keyRequest } from './own-key-scene.ts';

const sql = connectOwner();
const patient = { timeout: 60_000 };
let gateway: GatewayFixture;
let target: TargetServer;
let owner: KeyOwner;
let key: UsableKey;

beforeAll(async () => {
  [gateway, target] = await Promise.all([
    // nothing is reported during the tests
    startTestGateway({ flushMs: 60_000 }),
    startTcpTarget((socket) => socket.pipe(socket)),
  ]);
});
beforeEach(async () => {
  owner = await newKeyOwner(sql);
  key = await owner.newKey();
});
afterAll(() => Promise.all([gateway.stop(), target.close(), sql.end()]));

const own = ({ basicAuth }: UsableKey) => ask(gateway.port, keyRequest([basic(basicAuth)]));

/** Sends this many bytes through a new tunnel, which stays open, and gets them back. */
async function move(bytes: number): Promise<Socket> {
  const asked = connectRequest(`127.0.0.1:${target.port}`, key.basicAuth);
  const { status, socket } = await sendRaw(gateway.port, asked);
  expect(status).toBe(200);
  let got = 0;
  socket.on('data', (piece) => {
    got += piece.length;
  });
  socket.on('error', () => {}).resume();
  socket.write(Buffer.alloc(bytes));
  await vi.waitFor(() => expect(got).toBe(bytes), patient);
  return socket;
}

/** The database's current month, and the start of the next. */
async function period() {
  const [row] = await sql`
    select to_char(now() at time zone 'UTC', 'YYYY-MM') as period,
      (date_trunc('month', now() at time zone 'UTC') + interval '1 month')
        at time zone 'UTC' as "resetsAt"`;
  return { period: row?.period, resetsAt: row?.resetsAt.toISOString() };
}

describe('a customer with the key', () => {
  it('reads its limits, with nothing used, under the names of the API', async () => {
    const before = await period();
    const { status, headers, key: state } = await own(key);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      connection: 'close',
    });
    expect(headers['proxy-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect([before, await period()]).toContainEqual({
      period: state.period,
      resetsAt: state.resetsAt,
    });
    const response = await owner.persona.request('GET', `/api/v1/proxy/keys/${key.id}`);
    const detail = ((await response.json()) as { key: Record<string, unknown> }).key;
    for (const name of ['keyId', 'liveMode', 'active', 'bandwidthUsedThisPeriodBytes'] as const)
      expect(state[name], name).toBe(detail[name]);
    for (const name of ['bandwidthLimitBytes', 'rateLimit', 'tunnelLimit', 'expiresAt'] as const)
      expect(state[name], name).toBe(detail[name]);
    expect(state).toEqual({
      keyId: key.keyId,
      liveMode: true,
      active: true,
      bandwidthUsedThisPeriodBytes: 0,
      bandwidthLimitBytes: 5_000_000_000,
      bandwidthLeftBytes: 5_000_000_000,
      account: { usedBytes: 0, limitBytes: 25_000_000_000, leftBytes: 25_000_000_000 },
      rateLimit: 10,
      tunnelLimit: 100,
      openTunnels: 0,
      expiresAt: null,
      graceEndsAt: null,
      period: state.period,
      resetsAt: state.resetsAt,
    });
  });

  it('sees its open tunnels and their bytes before any of it is reported', async () => {
    const other = await owner.newKey();
    const tunnel = await move(50_000);
    await vi.waitFor(async () => {
      const { key: state } = await own(key);
      expect(state).toMatchObject({
        bandwidthUsedThisPeriodBytes: 100_000,
        bandwidthLeftBytes: state.bandwidthLimitBytes - 100_000,
        openTunnels: 1,
      });
      expect(state.account).toMatchObject({ usedBytes: 100_000 });
    }, patient);
    // another key of the account sees the shared bytes, and nothing else
    expect((await own(other)).key).toMatchObject({
      bandwidthUsedThisPeriodBytes: 0,
      openTunnels: 0,
      account: { usedBytes: 100_000 },
    });
    tunnel.destroy();
    await vi.waitFor(async () => expect((await own(key)).key.openTunnels).toBe(0), patient);
    expect((await own(key)).key.bandwidthUsedThisPeriodBytes).toBe(100_000);
  });

  it('for a test key, sees the limit that test keys share', async () => {
    await overrideAccountLimits(sql, { userId: owner.persona.id }, { test_limit_bytes: 7_000 });
    const { key: state } = await own(await owner.newKey({ liveMode: false }));
    expect(state.liveMode).toBe(false);
    expect(state.account).toEqual({ usedBytes: 0, limitBytes: 7_000, leftBytes: 7_000 });
  });
});

describe('a customer who got 402', () => {
  const connect = () =>
    sendRaw(gateway.port, connectRequest(`127.0.0.1:${target.port}`, key.basicAuth));

  it('for the key sees that nothing is left, and when it resets', async () => {
    await overrideLimits(sql, key.id, { bandwidth_limit_bytes: 60_000 });
    await move(50_000);
    await vi.waitFor(async () => expect((await connect()).status).toBe(402), patient);
    const { status, key: state } = await own(key);
    expect(status).toBe(200);
    expect(state).toMatchObject({ bandwidthLimitBytes: 60_000, bandwidthLeftBytes: 0 });
    expect(state.bandwidthUsedThisPeriodBytes).toBeGreaterThanOrEqual(60_000);
    expect(Date.parse(state.resetsAt)).toBeGreaterThan(Date.now());
  });

  it('for the account sees that the account is the cause', async () => {
    await overrideAccountLimits(sql, { userId: owner.persona.id }, { account_limit_bytes: 0 });
    expect((await connect()).status).toBe(402);
    const { status, key: state } = await own(key);
    expect(status).toBe(200);
    expect(state.account).toEqual({ usedBytes: 0, limitBytes: 0, leftBytes: 0 });
    expect(state.bandwidthLeftBytes).toBe(5_000_000_000);
  });

  it('with all its tunnels open sees that too', async () => {
    await overrideLimits(sql, key.id, { tunnel_limit: 1 });
    const tunnel = await move(1);
    expect((await connect()).body).toMatch(/^tunnel_limit_reached: /);
    expect((await own(key)).key).toMatchObject({ tunnelLimit: 1, openTunnels: 1 });
    tunnel.destroy();
  });
});

it('a request for /key creates no event, moves no bytes and is no use of the key', async () => {
  const recording = await startTestGateway();
  const ownOf = () => ask(recording.port, keyRequest([basic(key.basicAuth)]));
  await overrideLimits(sql, key.id, { rate_limit: 2 });
  const statuses = new Set<number>();
  await vi.waitFor(async () => {
    statuses.add((await ownOf()).status);
    expect([...statuses].sort()).toEqual([200, 429]);
  }, patient);
  await owner.persona.supabase.rpc('update_proxy_key', {
    id: key.id,
    changes: { allowed_ips: ['192.0.2.1'] },
  });
  await vi.waitFor(async () => expect((await ownOf()).code).toBe('address_forbidden'), patient);
  // this one is recorded
  const asked = connectRequest('10.0.0.1:80', key.basicAuth);
  expect((await sendRaw(recording.port, asked)).body).toMatch(/^address_forbidden: /);
  expect(await recording.metric('gateway_bytes_total')).toBe(0);
  // it sends all recorded events
  await recording.stop();
  expect(await owner.refusalsOf(key, 1)).toEqual({ address_forbidden: 1 });
  expect(await owner.eventsOf(key, 1)).toHaveLength(1);
  const used =
    await sql`select from proxy_private.proxy_usage_monthly where api_key_id = ${key.id}`;
  expect(used).toHaveLength(0);
});
