import { afterAll, beforeEach, expect, inject, it } from 'vitest';
import {
  connectGateway,
  connectOwner,
  createSupabase,
  newAdmin,
  newUser,
  type Persona,
} from '../support/personas.ts';
import { hashSecret, type SeededKey, seedKey } from '../support/seeded-keys.ts';
import { countRotations, forgetWrites } from '../support/write-windows.ts';
import { asUser } from './database-role.ts';

const stack = inject('stack');
const sql = connectOwner();
const gateway = connectGateway(1);
let owner: Persona;
let key: SeededKey;

/** A key that was just rotated with a grace period of 30 seconds. */
beforeEach(async () => {
  owner = await newUser();
  key = await seedKey(sql, owner.id);
  const { error } = await owner.supabase.rpc('rotate_proxy_key', {
    id: key.id,
    grace_seconds: 30,
  });
  expect(error).toBeNull();
  expect(await lookUp()).toMatchObject({ active: true, before: hashSecret(key.keyId, key.secret) });
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

async function lookUp() {
  const [row] = await gateway<{ active: boolean; before: string | null; ms: string | null }[]>`
    select active, encode(previous_hash, 'hex') as before, previous_ends_in_ms as ms
    from gateway.lookup_proxy_key(${key.keyId})`;
  return row;
}

/** Moves the key's rotation back by that many seconds, and looks the key up at that moment. */
async function lookUpAfter(seconds: number) {
  return sql.begin(async (transaction) => {
    await transaction`
      update proxy_private.proxy_keys
      set
        rotated_at = now() - make_interval(secs => ${seconds}),
        grace_ends_at = now() - make_interval(secs => ${seconds}) + interval '30 seconds'
      where id = ${key.id}`;
    // both statements see the same now()
    const [row] = await transaction`
      select active, encode(previous_hash, 'hex') as before, previous_ends_in_ms as ms
      from gateway.lookup_proxy_key(${key.keyId})`;
    return row;
  });
}

it('a grace period lasts exactly to its last millisecond', async () => {
  const before = hashSecret(key.keyId, key.secret);
  expect(await lookUpAfter(0)).toEqual({ active: true, before, ms: '30000' });
  expect(await lookUpAfter(29.999)).toEqual({ active: true, before, ms: '1' });
  for (const seconds of [30, 30.001, 86_400]) {
    expect(await lookUpAfter(seconds)).toEqual({ active: true, before: null, ms: null });
  }
});

it('a suspended key accepts neither secret, and its grace period continues to run', async () => {
  const admin = await newAdmin();
  await admin.supabase.rpc('suspend_proxy_key', { id: key.id, reason: 'because' });
  expect(await lookUp()).toMatchObject({ active: false });
  await lookUpAfter(31);
  await admin.supabase.rpc('reactivate_proxy_key', { id: key.id });
  expect(await lookUp()).toEqual({ active: true, before: null, ms: null });
});

it('reactivating a deleted key does not bring its grace period back', async () => {
  await owner.supabase.rpc('delete_proxy_key', { id: key.id });
  expect(await lookUp()).toEqual({ active: false, before: null, ms: null });
  await (await newAdmin()).supabase.rpc('reactivate_proxy_key', { id: key.id });
  expect(await lookUp()).toEqual({ active: true, before: null, ms: null });
});

it('removing the account ends the grace period', async () => {
  await createSupabase(stack.secretKey).auth.admin.deleteUser(owner.id);
  expect(await lookUp()).toEqual({ active: false, before: null, ms: null });
  const [row] = await sql`
    select user_id, grace_ends_at from proxy_private.proxy_keys where id = ${key.id}`;
  expect(row).toEqual({ user_id: null, grace_ends_at: null });
});

it('changing the label, the clients or the expiry keeps the grace period', async () => {
  const before = await lookUp();
  const { error } = await owner.supabase.rpc('update_proxy_key', {
    id: key.id,
    changes: { label: 'after', allowed_ips: ['192.0.2.1'], expires_at: '2080-01-01T00:00:00Z' },
  });
  expect(error).toBeNull();
  expect(await lookUp()).toMatchObject({ active: true, before: before?.before });
});

it('a refused rotation keeps the grace period', async () => {
  await forgetWrites(sql, owner.id);
  await countRotations(sql, owner.id, 5);
  const { error } = await owner.supabase.rpc('rotate_proxy_key', { id: key.id });
  expect(error?.hint).toBe('rate_limited');
  expect((await lookUp())?.before).toBe(hashSecret(key.keyId, key.secret));
});

it('no role of the API can read the previous hash', async () => {
  await expect(
    asUser(sql, owner.id, (t) => t`select previous_hash from proxy_private.proxy_key_secrets`),
  ).rejects.toMatchObject({ code: '42501' });
});

it.each([
  ['over 30 seconds', `grace_ends_at = rotated_at + interval '30.001 seconds'`],
  ['without an end', `grace_ends_at = 'infinity'`],
  ['on a key that was never rotated', `rotated_at = null`],
  ['with an earlier rotation time', `rotated_at = rotated_at - interval '1 second'`],
])('not even the owner of the schema can make a grace period %s', async (_, assignment) => {
  await expect(
    sql.unsafe(`update proxy_private.proxy_keys set ${assignment} where id = '${key.id}'`),
  ).rejects.toMatchObject({ code: '23514', constraint_name: 'a grace is at most 30 seconds' });
});

it('not even the owner of the schema can keep the grace period of a deleted key', async () => {
  await expect(
    sql`update proxy_private.proxy_keys set deleted_at = now() where id = ${key.id}`,
  ).rejects.toMatchObject({ code: '23514', constraint_name: 'a deleted key has no grace' });
});
