import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AnnouncedChanges, listenForChanges } from '../support/announced-changes.ts';
import { askBy, keyOf } from '../support/both-ways.ts';
import { calls } from '../support/calls.ts';
import {
  connectGateway,
  connectOwner,
  newAdmin,
  newUser,
  type Persona,
} from '../support/personas.ts';
import { type SeededKey, seedKey } from '../support/seeded-keys.ts';
import { recordUsage, usageEvent } from '../support/usage-events.ts';
import { asUser } from './database-role.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
const tier = `tier_${randomUUID().slice(0, 8)}`;
let announced: AnnouncedChanges;
let owner: Persona;
let admin: Persona;
let key: SeededKey;

beforeAll(async () => {
  [owner, admin] = await Promise.all([newUser(), newAdmin()]);
  await sql`
    insert into public.proxy_tiers (
      tier, bandwidth_limit_bytes, rate_limit, tunnel_limit, account_limit_bytes, test_limit_bytes,
      self_serve
    ) values (${tier}, 1000, 10, 100, 5000, 100, true)`;
  announced = await listenForChanges(gateway);
});
beforeEach(async () => {
  key = await seedKey(sql, owner.id, { tier });
});
afterAll(async () => {
  await sql`update proxy_private.proxy_keys set tier = 'developer' where tier = ${tier}`;
  await sql`delete from public.proxy_tiers where tier = ${tier}`;
  await Promise.all([sql.end(), gateway.end()]);
});

/** How many times the gateways have been notified of the key so far. */
const timesAnnounced = (keyId = key.keyId) => announced.countOf(keyId);

const update = (assignments: string) =>
  sql.unsafe(`update proxy_private.proxy_keys set ${assignments} where id = '${key.id}'`);

describe('the gateways are notified once of', () => {
  it.each([
    ['a rotation by route', () => askBy.route(calls.rotate(owner, key.id))],
    ['a rotation by RPC', () => askBy.rpc(calls.rotate(owner, key.id))],
    ['a deletion by route', () => askBy.route(calls.delete(owner, key.id))],
    ['a deletion by RPC', () => askBy.rpc(calls.delete(owner, key.id))],
    ['a suspension', () => update('suspended_at = now()')],
    ['an override of the rate limit', () => update(`limit_overrides = '{"rate_limit": 1}'`)],
    ['an override of the tunnel limit', () => update(`limit_overrides = '{"tunnel_limit": 1}'`)],
    [
      'an override of the bandwidth limit',
      () => update(`limit_overrides = '{"bandwidth_limit_bytes": 1}'`),
    ],
    ['another tier', () => update(`tier = 'developer'`)],
    [
      'a new rate limit of its tier',
      () => sql`update public.proxy_tiers set rate_limit = rate_limit + 1 where tier = ${tier}`,
    ],
    [
      'a new tunnel limit of its tier',
      () => sql`update public.proxy_tiers set tunnel_limit = tunnel_limit + 1 where tier = ${tier}`,
    ],
    [
      'a new bandwidth limit of its tier',
      () => sql`
        update public.proxy_tiers set bandwidth_limit_bytes = bandwidth_limit_bytes + 1
        where tier = ${tier}`,
    ],
  ])('%s', async (_, change) => {
    expect(await timesAnnounced()).toBe(0);
    await change();
    expect(await timesAnnounced()).toBe(1);
  });

  it.each([
    ['a deleted key', 'deleted_at = now()'],
    ['a suspended key', 'suspended_at = now()'],
  ])('the reactivation of %s', async (_, state) => {
    await update(state);
    expect(await timesAnnounced()).toBe(1);
    expect((await askBy.rpc(calls.reactivate(admin, key.id))).status).toBe(200);
    expect(await timesAnnounced()).toBe(2);
  });
});

it('the gateways are notified at commit, not before', async () => {
  await sql.begin(async (transaction) => {
    await transaction`update proxy_private.proxy_keys set suspended_at = now() where id = ${key.id}`;
    expect(await timesAnnounced()).toBe(0);
  });
  expect(await timesAnnounced()).toBe(1);
});

describe('the gateways are not notified of', () => {
  it('a mint', async () => {
    const minted = await Promise.all([
      askBy.route(calls.mint(owner, { label: 'new' })),
      askBy.rpc(calls.mint(owner, { label: 'new' })),
    ]);
    for (const { keyId } of minted.map(keyOf)) {
      expect(keyId).toMatch(/^avp_live_/);
      expect(await timesAnnounced(keyId)).toBe(0);
    }
  });

  it('a change of only the label, or a change that changes nothing', async () => {
    await update(`label = 'another'`);
    await update(`limit_overrides = '{}', suspended_at = null, tier = '${tier}'`);
    await askBy.rpc(calls.reactivate(admin, key.id));
    expect(await timesAnnounced()).toBe(0);
  });

  it('the deletion of a deleted key', async () => {
    await askBy.rpc(calls.delete(owner, key.id));
    await askBy.route(calls.delete(owner, key.id));
    expect(await timesAnnounced()).toBe(1);
  });

  it('a change of its tier after it is deleted', async () => {
    await askBy.rpc(calls.delete(owner, key.id));
    await sql`update public.proxy_tiers set rate_limit = rate_limit + 1 where tier = ${tier}`;
    expect(await timesAnnounced()).toBe(1);
  });

  it('a new key limit of its tier', async () => {
    await sql`update public.proxy_tiers set key_limit = key_limit + 1 where tier = ${tier}`;
    expect(await timesAnnounced()).toBe(0);
  });

  it('usage within its limit', async () => {
    const event = usageEvent(key.id, { bytesSent: 1, bytesReceived: 1 });
    expect(await recordUsage(gateway, [event])).toMatchObject({ recorded: 1 });
    expect(await timesAnnounced()).toBe(0);
  });

  it('a refused rotation or deletion', async () => {
    const other = await newUser();
    expect((await askBy.rpc(calls.rotate(other, key.id))).code).toBe('not_found');
    expect((await askBy.rpc(calls.delete(other, key.id))).code).toBe('not_found');
    expect((await askBy.rpc(calls.reactivate(owner, key.id))).code).toBe('forbidden');
    expect(await timesAnnounced()).toBe(0);
    await update('suspended_at = now()');
    expect((await askBy.rpc(calls.rotate(owner, key.id))).code).toBe('key_suspended');
    expect(await timesAnnounced()).toBe(1);
  });

  it('a rotation that is rolled back', async () => {
    const rolledBack = asUser(sql, owner.id, async (transaction) => {
      expect(await transaction`select * from public.rotate_proxy_key(${key.id})`).toHaveLength(1);
      throw new Error('rolled back');
    });
    await expect(rolledBack).rejects.toThrow('rolled back');
    expect(await timesAnnounced()).toBe(0);
  });
});
