import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AnnouncedChanges, listenForChanges } from '../support/announced-changes.ts';
import { readAudit, readReasons } from '../support/audit-rows.ts';
import {
  connectGateway,
  connectOwner,
  newAdmin,
  newUser,
  type Persona,
} from '../support/personas.ts';
import { type SeededKey, seedKey, seedKeys } from '../support/seeded-keys.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
let owner: Persona;
let announced: AnnouncedChanges;
beforeAll(async () => {
  owner = await newUser();
  announced = await listenForChanges(gateway);
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const restoredTo = '2026-11-20T03:00:00+01:00';
const reason =
  'The database was restored to its state of 2026-11-20 02:00:00 UTC, and this key was changed after that.';

const suspend = async (keyIds: string[], moment = restoredTo) =>
  Object.fromEntries(
    (
      await sql<{ key_id: string; outcome: string }[]>`
        select key_id, outcome from proxy_private.suspend_restored_keys(${keyIds}, ${moment})`
    ).map(({ key_id, outcome }) => [key_id, outcome]),
  );

it('suspend_restored_keys suspends keys that changed after the moment, gives their owners the reason, and notifies gateways', async () => {
  const [key] = (await seedKeys(sql, owner.id, 1)) as [SeededKey];
  expect(await suspend([key.keyId, key.keyId])).toEqual({ [key.keyId]: 'suspended' });
  expect((await readReasons(sql, key.id)).at(-1)).toEqual(['suspended', reason]);
  expect((await readAudit(sql, key.id)).at(-1)).toMatchObject({ actor: null, owner: owner.id });
  expect(await announced.countOf(key.keyId)).toBe(1);
  const { data } = await owner.supabase.rpc('get_proxy_key', { id: key.id });
  expect(data).toMatchObject({ active: false, suspended_reason: reason });
});

it('suspend_restored_keys skips keys that are out of service, and reports later keys as unknown', async () => {
  const deleted = await seedKey(sql, owner.id, { deleted: true });
  const suspended = await seedKey(sql, owner.id);
  await suspend([suspended.keyId], '2026-11-19T00:00:00Z');
  const outcomes = {
    [deleted.keyId]: 'out_of_service',
    [suspended.keyId]: 'out_of_service',
    avp_live_000000000000: 'unknown',
  };
  expect(await suspend(Object.keys(outcomes))).toEqual(outcomes);
});

it('suspend_restored_keys suspends a key once for each moment: an admin may have reactivated it since', async () => {
  const [key, admin] = await Promise.all([seedKey(sql, owner.id), newAdmin()]);
  await suspend([key.keyId]);
  const { error } = await admin.supabase.rpc('reactivate_proxy_key', { id: key.id });
  expect(error).toBeNull();
  expect(await suspend([key.keyId])).toEqual({ [key.keyId]: 'done_before' });
  expect(await suspend([key.keyId], '2026-11-21T00:00:00Z')).toEqual({ [key.keyId]: 'suspended' });
});

it('suspend_restored_keys works when two run at once, in whichever order they name the keys', async () => {
  const keys = (await seedKeys(sql, owner.id, 50)).map(({ keyId }) => keyId);
  const both = await Promise.all([suspend(keys), suspend(keys.toReversed())]);
  const outcomes = both.flatMap((each) => Object.values(each)).sort();
  expect(outcomes).toEqual([...Array(50).fill('done_before'), ...Array(50).fill('suspended')]);
});
