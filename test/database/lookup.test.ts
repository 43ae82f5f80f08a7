import { afterAll, beforeAll, expect, it } from 'vitest';
import { askBy, keyOf } from '../support/both-ways.ts';
import { calls } from '../support/calls.ts';
import type { MintedKey } from '../support/contract.ts';
import {
  connectGateway,
  connectOwner,
  newAdmin,
  newUser,
  type Persona,
} from '../support/personas.ts';
import {
  ageKeys,
  hashSecret,
  overrideAccountLimits,
  overrideLimits,
  type SeedOptions,
  seedKey,
} from '../support/seeded-keys.ts';
import { recordUsage, usageEvent } from '../support/usage-events.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
let owner: Persona;
let key: MintedKey;

interface Lookup {
  id: string;
  key_id: string;
  secret_hash: Buffer;
  active: boolean;
  suspended: boolean;
  live_mode: boolean;
  rate_limit: number;
  tunnel_limit: number;
  bandwidth_limit_bytes: string;
  bandwidth_used_bytes: string;
  allowed_ips: string[];
  expires_in_ms: string | null;
  previous_hash: Buffer | null;
  previous_ends_in_ms: string | null;
  account_id: string | null;
  account_limit_bytes: string | null;
  account_used_bytes: string | null;
}

async function lookUp(keyId = key.keyId): Promise<Lookup | undefined> {
  const rows = await gateway<Lookup[]>`select * from gateway.lookup_proxy_key(${keyId})`;
  expect(rows.length).toBeLessThanOrEqual(1);
  return rows[0];
}

beforeAll(async () => {
  owner = await newUser();
  key = keyOf(await askBy.rpc(calls.mint(owner, { label: 'looked up' })));
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

it('a key is found with exactly what a gateway needs to decide about a CONNECT', async () => {
  const found = await lookUp();
  expect(Object.keys(found ?? {})).toEqual([
    'id',
    'key_id',
    'secret_hash',
    'active',
    'suspended',
    'live_mode',
    'rate_limit',
    'tunnel_limit',
    'bandwidth_limit_bytes',
    'bandwidth_used_bytes',
    'allowed_ips',
    'expires_in_ms',
    'previous_hash',
    'previous_ends_in_ms',
    'account_id',
    'account_limit_bytes',
    'account_used_bytes',
  ]);
  const [tier] = await sql`select * from public.proxy_tiers where tier = 'developer'`;
  expect(found).toMatchObject({
    id: key.id,
    key_id: key.keyId,
    active: true,
    suspended: false,
    live_mode: true,
    rate_limit: tier?.rate_limit,
    tunnel_limit: 100,
    bandwidth_limit_bytes: tier?.bandwidth_limit_bytes,
    bandwidth_used_bytes: '0',
    allowed_ips: [],
    expires_in_ms: null,
    previous_hash: null,
    previous_ends_in_ms: null,
    account_id: `${owner.id}/developer/live`,
    account_limit_bytes: tier?.account_limit_bytes,
    account_used_bytes: '0',
  });
});

it('keys of one user, tier and mode share one account, with the usage of all of them this month', async () => {
  const { id: userId } = await newUser();
  const find = async (options: SeedOptions, bytesSent: number) => {
    const seeded = await seedKey(sql, userId, options);
    await recordUsage(gateway, [usageEvent(seeded.id, { bytesSent, bytesReceived: 0 })]);
    return seeded.keyId;
  };
  await overrideAccountLimits(sql, { userId }, { test_limit_bytes: 7 });
  const keyIds = [
    await find({}, 1),
    await find({ deleted: true }, 10),
    await find({ liveMode: false }, 100),
    await find({ tier: 'team' }, 1_000),
    await find({}, 10_000),
  ];
  const found = await Promise.all(keyIds.map((keyId) => lookUp(keyId)));
  const tier = (name: string, limit: string, used: string, id: string) => [
    `${userId}/${name}/${id}`,
    limit,
    used,
  ];
  const developer = tier('developer', '25000000000', '10011', 'live');
  expect(
    found.map((row) => [row?.account_id, row?.account_limit_bytes, row?.account_used_bytes]),
  ).toEqual([
    developer,
    developer,
    tier('developer', '7', '100', 'test'),
    tier('team', '500000000000', '1000', 'live'),
    developer,
  ]);
  await sql`delete from auth.users where id = ${userId}`;
  expect(await lookUp(keyIds[0])).toMatchObject({
    active: false,
    account_id: null,
    account_limit_bytes: null,
    account_used_bytes: null,
  });
});

it('the hash is the SHA-256 of keyId:secret, also after a rotation', async () => {
  expect((await lookUp())?.secret_hash.toString('hex')).toBe(hashSecret(key.keyId, key.secret));
  const rotated = keyOf(await askBy.route(calls.rotate(owner, key.id)));
  expect(rotated.secret).toMatch(/^[0-9a-f]{64}$/);
  expect(rotated.secret).not.toBe(key.secret);
  expect((await lookUp())?.secret_hash.toString('hex')).toBe(hashSecret(key.keyId, rotated.secret));
});

it.each([
  ['an unknown keyId', () => 'avp_live_ffffffffffff'],
  ['a uuid', () => key.id],
  ['a prefix', () => key.keyId.slice(0, -1)],
  ['another case', () => key.keyId.toUpperCase()],
  ['a pattern', () => 'avp_live_%'],
  ['nothing', () => ''],
])('no row is found for %s', async (_, keyId) => {
  expect(await lookUp(keyId())).toBeUndefined();
});

it('a test key shows its mode', async () => {
  const { data } = await owner.supabase.rpc('mint_proxy_key', { label: 'test', live_mode: false });
  expect(data?.key_id).toMatch(/^avp_test_/);
  expect(await lookUp(data?.key_id ?? '')).toMatchObject({ live_mode: false, active: true });
});

it('suspended and deleted keys are still found, as inactive', async () => {
  const admin = await newAdmin();
  await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${key.id}`;
  expect(await lookUp()).toMatchObject({ active: false, suspended: true });
  await askBy.rpc(calls.delete(owner, key.id));
  expect(await lookUp()).toMatchObject({ active: false, suspended: true });
  await askBy.rpc(calls.reactivate(admin, key.id));
  expect(await lookUp()).toMatchObject({ active: true, suspended: false });
  await askBy.route(calls.delete(owner, key.id));
  expect(await lookUp()).toMatchObject({ active: false, suspended: false });
  await askBy.route(calls.reactivate(admin, key.id));
  expect(await lookUp()).toMatchObject({ active: true, suspended: false });
});

it('the clients that may use a key are returned as CIDR ranges, in order', async () => {
  const own = await seedKey(sql, owner.id);
  const { error } = await owner.supabase.rpc('update_proxy_key', {
    id: own.id,
    changes: { allowed_ips: ['203.0.113.7', '2001:db8::/32', '192.0.2.0/24'] },
  });
  expect(error).toBeNull();
  expect(await lookUp(own.keyId)).toMatchObject({
    active: true,
    allowed_ips: ['203.0.113.7/32', '2001:db8::/32', '192.0.2.0/24'],
  });
});

it('an expiry is returned as the remaining time, and the key is inactive once it has passed', async () => {
  const own = await seedKey(sql, owner.id);
  const expiresIn = async (interval: string) => {
    const found = await sql.begin(async (transaction) => {
      await transaction`
        update proxy_private.proxy_keys set expires_at = now() + ${interval}::interval
        where id = ${own.id}`;
      // both statements see the same now()
      const rows = await transaction<Lookup[]>`
        select * from gateway.lookup_proxy_key(${own.keyId})`;
      return rows[0];
    });
    return [found?.expires_in_ms, found?.active];
  };
  expect(await expiresIn('90 days')).toEqual([String(90 * 86_400_000), true]);
  expect(await expiresIn('1 millisecond')).toEqual(['1', true]);
  expect(await expiresIn('0')).toEqual(['0', false]);
  expect(await expiresIn('-1 hour')).toEqual(['-3600000', false]);
});

it('each override replaces its limit of the tier independently', async () => {
  const own = await seedKey(sql, owner.id, { tier: 'team' });
  const [team] = await sql`select * from public.proxy_tiers where tier = 'team'`;
  const limits = async () => {
    const found = await lookUp(own.keyId);
    return [found?.rate_limit, found?.tunnel_limit, found?.bandwidth_limit_bytes];
  };
  expect(await limits()).toEqual([team?.rate_limit, 1000, team?.bandwidth_limit_bytes]);
  await overrideLimits(sql, own.id, { rate_limit: 7 });
  expect(await limits()).toEqual([7, 1000, team?.bandwidth_limit_bytes]);
  await overrideLimits(sql, own.id, { tunnel_limit: 8 });
  expect(await limits()).toEqual([7, 8, team?.bandwidth_limit_bytes]);
  await overrideLimits(sql, own.id, { bandwidth_limit_bytes: 0 });
  expect(await limits()).toEqual([7, 8, '0']);
});

it('the used bytes are those of this month only, sent and received', async () => {
  await ageKeys(sql, [key.id]);
  const now = new Date();
  const thisMonth = Date.UTC(now.getUTCFullYear(), now.getUTCMonth());
  const before = await recordUsage(gateway, [
    usageEvent(key.id, { occurredAt: new Date(thisMonth - 1).toISOString() }),
  ]);
  expect(before.recorded).toBe(1);
  expect((await lookUp())?.bandwidth_used_bytes).toBe('0');
  await recordUsage(gateway, [
    usageEvent(key.id, { occurredAt: new Date(thisMonth).toISOString(), bytesSent: 5 }),
    usageEvent(key.id, { bytesSent: 2 ** 40, durationMs: 100_000 }),
  ]);
  expect((await lookUp())?.bandwidth_used_bytes).toBe(String(2 ** 40 + 5 + 2000));
});
