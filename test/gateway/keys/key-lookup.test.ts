import { hash } from 'node:crypto';
import { inspect } from 'node:util';
import type pg from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { createPool, type LookUpKey, lookUpWith } from '../../../gateway/keys/key-lookup.ts';
import { startTcpProxy, type TcpProxy } from '../../support/gateway/tcp-proxy.ts';
import { connectGateway, connectOwner, newUser } from '../../support/personas.ts';
import { hashSecret, type SeededKey, seedKey } from '../../support/seeded-keys.ts';
import { recordUsage, usageEvent } from '../../support/usage-events.ts';

const stack = inject('stack');
const sql = connectOwner();
const gateway = connectGateway(1);
const patient = { timeout: 60_000 };
const hour = 3_600_000;
let key: SeededKey;
let network: TcpProxy;
let pool: pg.Pool;
let lookUp: LookUpKey;
let logged: string[];

beforeAll(async () => {
  key = await seedKey(sql, (await newUser()).id, { tier: 'team' });
});
afterEach(async () => {
  await pool.end();
  await network.close();
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

async function begin(options: { databaseUrl?: string; timeoutMs?: number } = {}): Promise<void> {
  const { databaseUrl = stack.gatewayDbUrl, timeoutMs = hour } = options;
  logged = [];
  network = await startTcpProxy(stack.gatewayDbUrl);
  pool = createPool({
    databaseUrl: network.through(databaseUrl),
    connections: 2,
    timeoutMs,
    log: pino({ level: 'trace' }, { write: (line: string) => logged.push(line) }),
  });
  lookUp = lookUpWith(pool);
}

const found = async () => (await lookUp(key.keyId))?.id === key.id;
/** Waits until the database answers again, with no action other than lookups. */
const answers = () => vi.waitFor(async () => expect(await found()).toBe(true), patient);

it('a lookup returns a key’s hash, state, limits and bytes, and null for an unknown key', async () => {
  await begin();
  // a realistic duration for so many bytes
  const big = { bytesSent: 2 ** 39, bytesReceived: 5, durationMs: 50_000 };
  await recordUsage(gateway, [usageEvent(key.id, big)]);
  expect(await lookUp(key.keyId)).toEqual({
    id: key.id,
    keyId: key.keyId,
    secretHash: Buffer.from(hashSecret(key.keyId, key.secret), 'hex'),
    active: true,
    suspended: false,
    rateLimit: 50,
    tunnelLimit: 1000,
    bandwidthLimitBytes: 50_000_000_000,
    bandwidthUsedBytes: 2 ** 39 + 5,
    allowedIps: [],
    expiresInMs: null,
    previousHash: null,
    previousEndsInMs: null,
    account: {
      id: expect.any(String),
      limitBytes: 500_000_000_000,
      usedBytes: 2 ** 39 + 5,
    },
  });
  expect(await lookUp('avp_live_ffffffffffff')).toBeNull();
});

it('a lookup returns a key’s ranges, and its expiry and grace in ms from now, without a grace that is over', async () => {
  await begin();
  const limited = await seedKey(sql, (await newUser()).id);
  const { id, keyId } = limited;
  await sql`
    update proxy_private.proxy_keys
    set
      allowed_ips = '{10.0.0.0/8,2001:db8::1}', rotated_at = now(),
      expires_at = now() + interval '1 hour', grace_ends_at = now() + interval '30 seconds'
    where id = ${id}`;
  await sql`update proxy_private.proxy_key_secrets set previous_hash = sha256('old') where api_key_id = ${id}`;
  const found = await lookUp(keyId);
  const ranges = found?.allowedIps.map(([network, length]) => `${network.toString()}/${length}`);
  expect(ranges).toEqual(['10.0.0.0/8', '2001:db8::1/128']);
  expect(found?.previousHash).toEqual(hash('sha256', 'old', 'buffer'));
  // a whole number of the remaining ms
  const [endsIn, expiresIn] = [found?.previousEndsInMs ?? -1, found?.expiresInMs ?? -1];
  expect(endsIn).toSatisfy((ms: number) => Number.isInteger(ms) && ms > 0 && ms <= 30_000);
  expect(expiresIn - endsIn).toBe(hour - 30_000);

  await sql`update proxy_private.proxy_keys set grace_ends_at = now(), expires_at = now() where id = ${id}`;
  const over = await lookUp(keyId);
  expect(over).toMatchObject({ active: false, previousHash: null, previousEndsInMs: null });
  expect(over?.expiresInMs).toBeLessThanOrEqual(0);
});

describe('a database in a black hole', () => {
  it.each([
    ['after connections were made', true],
    ['before any connection was made', false],
  ])(
    '%s, fails lookups in time, including queued ones, and needs no restart',
    async (_, connected) => {
      await begin({ timeoutMs: 1_000 });
      if (connected) expect(await Promise.all([found(), found()])).toEqual([true, true]);
      network.blackHole();
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, found));
      expect(outcomes.map(({ status }) => status)).toEqual(Array(20).fill('rejected'));
      expect(pool.waitingCount).toBe(0);
      network.restore();
      await answers();
      expect(pool.totalCount).toBeLessThanOrEqual(2);
    },
  );

  it('does not keep a pool from closing', async () => {
    await begin({ timeoutMs: 1_000 });
    expect(await found()).toBe(true);
    network.blackHole();
    const asking = found().catch(() => 'failed');
    await pool.end();
    expect(await asking).toBe('failed');
    // the hook closes one
    pool = createPool({
      databaseUrl: stack.gatewayDbUrl,
      connections: 1,
      log: pino({ level: 'silent' }),
    });
  });
});

describe('a connection that is reset', () => {
  it('while idle affects nothing else', async () => {
    await begin();
    expect(await Promise.all([found(), found()])).toEqual([true, true]);
    network.cut();
    await vi.waitFor(() => expect(pool.totalCount).toBe(0), patient);
    expect(logged.filter((line) => line.includes('database connection lost'))).toHaveLength(2);
    network.restore();
    expect(await found()).toBe(true);
  });

  it('during a lookup fails the lookup at once', async () => {
    await begin();
    expect(await found()).toBe(true);
    network.blackHole();
    const asking = found();
    network.cut();
    await expect(asking).rejects.toThrow();
    await expect(found()).rejects.toThrow();
    network.restore();
    expect(await found()).toBe(true);
  });
});

it('neither the log nor an error contains the password', async () => {
  const url = Object.assign(new URL(stack.gatewayDbUrl), { password: 'hunter2' });
  await begin({ databaseUrl: url.href });
  const refused = await lookUp(key.keyId).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: '28P01' });
  network.cut();
  const cut = await lookUp(key.keyId).catch((error: unknown) => error);
  expect(cut).toBeInstanceOf(Error);
  expect(inspect([refused, cut, logged], { depth: null, showHidden: true })).not.toContain(
    'hunter2',
  );
});
