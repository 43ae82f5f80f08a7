import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { readAudit } from '../support/audit-rows.ts';
import { askBy } from '../support/both-ways.ts';
import { calls } from '../support/calls.ts';
import { readOwnAudit, readOwnGrants } from '../support/own-history.ts';
import {
  connectGateway,
  connectOwner,
  createSupabase,
  newAdmin,
  newUser,
  type Persona,
} from '../support/personas.ts';
import { type SeededKey, seedKeys } from '../support/seeded-keys.ts';
import { findDrift, readRollups, recordUsage, usageEvent } from '../support/usage-events.ts';

const stack = inject('stack');
const sql = connectOwner();
const gateway = connectGateway(1);
let owner: Persona;
let keys: { live: SeededKey; suspended: SeededKey; deleted: SeededKey };
const announced: string[] = [];

/** Creates a user with keys in each state, usage, a rotation and a grant; deletes the account. */
beforeAll(async () => {
  owner = await newUser();
  const [live, suspended, deleted] = await seedKeys(sql, owner.id, 3);
  if (!live || !suspended || !deleted) throw new Error('keys were not seeded');
  keys = { live, suspended, deleted };
  await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${suspended.id}`;
  await sql`
    update proxy_private.proxy_keys set deleted_at = '2026-01-01T00:00:00Z' where id = ${deleted.id}`;
  await sql`
    update proxy_private.proxy_keys
    set allowed_ips = '{192.0.2.0/24}', expires_at = now() + interval '1 day' where id = ${live.id}`;
  await sql`insert into proxy_private.proxy_tier_grants (user_id, tier) values (${owner.id}, 'enterprise')`;
  const rotated = await owner.supabase.rpc('rotate_proxy_key', {
    id: live.id,
    grace_seconds: 30,
    idempotency_key: randomUUID(),
  });
  expect(rotated.status).toBe(200);
  await recordUsage(gateway, [usageEvent(live.id), usageEvent(deleted.id)]);

  const sentinel = randomUUID();
  await new Promise<void>((resolve, reject) => {
    const remove = async () => {
      const { error } = await createSupabase(stack.secretKey).auth.admin.deleteUser(owner.id);
      if (error) throw error;
      await sql.notify('proxy_key_changed', sentinel);
    };
    gateway
      .listen('proxy_key_changed', (payload) => {
        announced.push(payload);
        if (payload === sentinel) resolve();
      })
      .then(remove)
      .catch(reject);
  });
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

it('the keys of a removed account are kept, deleted and without an owner', async () => {
  const rows = await sql`
    select id, user_id, deleted_at is not null as deleted, deleted_at < '2026-02-01' as long_ago
    from proxy_private.proxy_keys where id = any(${Object.values(keys).map(({ id }) => id)})`;
  expect(rows).toHaveLength(3);
  expect(rows).toEqual(
    expect.arrayContaining([
      { id: keys.live.id, user_id: null, deleted: true, long_ago: false },
      { id: keys.suspended.id, user_id: null, deleted: true, long_ago: false },
      { id: keys.deleted.id, user_id: null, deleted: true, long_ago: true },
    ]),
  );
});

it('grace periods end, so neither secret works; the allowed clients and the expiry are kept', async () => {
  const [row] = await sql`
    select grace_ends_at, allowed_ips::text, expires_at > now() as expires
    from proxy_private.proxy_keys where id = ${keys.live.id}`;
  expect(row).toEqual({ grace_ends_at: null, allowed_ips: '{192.0.2.0/24}', expires: true });
  const [lookup] = await gateway`
    select active, previous_hash, previous_ends_in_ms
    from gateway.lookup_proxy_key(${keys.live.keyId})`;
  expect(lookup).toEqual({ active: false, previous_hash: null, previous_ends_in_ms: null });
});

it('the gateways are notified of the keys that were not deleted before', async () => {
  const count = (keyId: string) => announced.filter((payload) => payload === keyId).length;
  expect([keys.live, keys.suspended, keys.deleted].map(({ keyId }) => count(keyId))).toEqual([
    1, 1, 0,
  ]);
  const lookups = await gateway`
    select key_id, active from gateway.lookup_proxy_key(${keys.live.keyId})`;
  expect(lookups).toEqual([{ key_id: keys.live.keyId, active: false }]);
});

it('the audit log is kept, with a row for the deletion that has the former owner and no actor', async () => {
  const rows = await readAudit(sql, keys.live.id);
  expect(rows.map(({ action, actor }) => [action, actor])).toEqual([
    ['minted', null],
    ['updated', null],
    ['rotated', owner.id],
    ['deleted', null],
  ]);
  expect(new Set(rows.map(({ owner: of }) => of))).toEqual(new Set([owner.id]));
  expect((await readAudit(sql, keys.deleted.id)).map(({ action }) => action)).toEqual([
    'minted',
    'deleted',
  ]);
});

it('the usage of the keys is kept, and late reports still count', async () => {
  expect(await recordUsage(gateway, [usageEvent(keys.live.id)])).toEqual({
    recorded: 1,
    repeated: 0,
    rejected: [],
  });
  expect(await readRollups(sql, keys.live.id, 'month')).toMatchObject([{ requests: '2' }]);
  expect(await readRollups(sql, keys.deleted.id, 'month')).toMatchObject([{ requests: '1' }]);
  expect(await findDrift(sql, [keys.live.id, keys.deleted.id])).toEqual([]);
});

it('data that belonged only to the account is deleted', async () => {
  const [left] = await sql`
    select
      (select count(*)::int from proxy_private.write_windows where user_id = ${owner.id}) as windows,
      (select count(*)::int from proxy_private.proxy_tier_grants where user_id = ${owner.id}) as grants,
      (select count(*)::int from proxy_private.idempotency_keys where user_id = ${owner.id}) as retries`;
  expect(left).toEqual({ windows: 0, grants: 0, retries: 0 });
});

it('the end of its tier grant is recorded, with no actor and no reason', async () => {
  const rows = await sql`
    select action, tier, actor_id, reason, api_key_id from proxy_private.proxy_key_audit
    where user_id = ${owner.id} and tier is not null order by occurred_at, id`;
  const row = { tier: 'enterprise', actor_id: null, reason: null, api_key_id: null };
  expect(rows).toEqual([
    { ...row, action: 'tier_granted' },
    { ...row, action: 'tier_revoked' },
  ]);
});

it.each(Object.entries(askBy))(
  'keys of a removed account cannot be suspended or limited by %s',
  async (_, ask) => {
    const admin = await newAdmin();
    const reason = 'Too late.';
    for (const { id } of Object.values(keys)) {
      for (const answer of [
        await ask(calls.suspend(admin, id, { reason })),
        await ask(
          calls.limit(admin, id, {
            bandwidthLimitBytes: 1,
            rateLimit: 1,
            tunnelLimit: 1,
            reason,
          }),
        ),
      ]) {
        expect(answer).toMatchObject({ status: 409, code: 'key_deleted' });
      }
    }
  },
);

it.each(Object.entries(askBy))(
  'keys of a removed account cannot be reactivated by %s',
  async (_, ask) => {
    const admin = await newAdmin();
    for (const { id } of Object.values(keys)) {
      expect(await ask(calls.reactivate(admin, id))).toMatchObject({
        status: 409,
        code: 'key_deleted',
      });
    }
    const [row] = await sql`
    select count(*)::int as live from proxy_private.proxy_keys
    where id = any(${Object.values(keys).map(({ id }) => id)}) and deleted_at is null`;
    expect(row?.live).toBe(0);
  },
);

it.each(Object.entries(askBy))(
  'the last token of a removed account is refused by %s',
  async (_, ask) => {
    const refusal = { status: 401, code: 'unauthorized' };
    expect(await ask(calls.mint(owner, { label: 'late' }))).toMatchObject(refusal);
    expect(await ask(calls.rotate(owner, keys.live.id))).toMatchObject(refusal);
    expect(await ask(calls.delete(owner, keys.live.id))).toMatchObject(refusal);
  },
);

it('the actions of a removed admin stay recorded with the id of that admin', async () => {
  const [leaving, user] = await Promise.all([newAdmin(), newUser()]);
  const reason = 'Signed.';
  await askBy.rpc(calls.grant(leaving, { user: user.id, tier: 'enterprise', reason }));
  const { error } = await createSupabase(stack.secretKey).auth.admin.deleteUser(leaving.id);
  expect(error).toBeNull();
  expect(await readOwnGrants(user)).toEqual([
    expect.objectContaining({ tier: 'enterprise', granted_by: leaving.id, reason }),
  ]);
  expect(await readOwnAudit(user)).toEqual([
    expect.objectContaining({ actor_id: leaving.id, action: 'tier_granted', reason }),
  ]);
});
