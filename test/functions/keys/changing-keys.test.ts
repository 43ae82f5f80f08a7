import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { askBy, expectSameRefusal } from '../../support/both-ways.ts';
import { calls, type Fields } from '../../support/calls.ts';
import { getKey, insertKeys, listKeys, mintKey } from '../../support/key-scenes.ts';
import { connectOwner, newAdmin, newUser, type Persona } from '../../support/personas.ts';

const sql = connectOwner();
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();
let owner: Persona;
let keys: { id: string; keyId: string }[];

beforeEach(async () => {
  owner = await newUser();
  keys = [...(await insertKeys(sql, owner.id, { count: 3 }))];
});
afterAll(() => sql.end());

const idsOf = (all: { id: string }[]) => all.map(({ id }) => id);
/** The audit rows about the owner's keys: which key, and what was done. */
const audited = async () =>
  (
    await sql`
      select api_key_id as id, action, changes from proxy_private.proxy_key_audit
      where user_id = ${owner.id} and actor_id = ${owner.id} order by occurred_at, id`
  ).map(({ id, action, changes }) => [id, action, changes]);

describe.each(Object.entries(askBy))('an owner who changes several keys by %s', (_, ask) => {
  const change = async (ids: string[], changes: Fields) => {
    const { code, data } = await ask(calls.changeKeys(owner, { ids, ...changes }));
    expect(code).toBeNull();
    return data;
  };

  it('deletes each key that they name by uuid or keyId once', async () => {
    const [first, second, third] = keys;
    const named = [first?.keyId, second?.id.toUpperCase(), first?.id, first?.keyId];
    expect(await change(named as string[], { deleted: true })).toEqual({
      changed: 2,
      unchanged: 0,
    });
    expect(await listKeys(owner)).toMatchObject([
      { id: first?.id, state: 'deleted' },
      { id: second?.id, state: 'deleted' },
      { id: third?.id, state: 'active' },
    ]);
    expect((await audited()).toSorted()).toEqual(
      [first?.id, second?.id].map((id) => [id, 'deleted', null]).toSorted(),
    );
    const alerts = await sql`
      select api_key_id from proxy_private.proxy_alerts
      where user_id = ${owner.id} and type = 'key.deleted' order by 1`;
    expect(alerts.map((alert) => alert.api_key_id)).toEqual([first?.id, second?.id].toSorted());
  });

  it('can delete deleted keys again without a counted write', async () => {
    await change(idsOf(keys.slice(1)), { deleted: true });
    const counted = () => sql`
      select cardinality(recent) as writes from proxy_private.write_windows
      where user_id = ${owner.id} and action = 'change'`;
    expect(await counted()).toMatchObject([{ writes: 1 }]);
    expect(await change(idsOf(keys.slice(1)), { deleted: true })).toEqual({
      changed: 0,
      unchanged: 2,
    });
    expect(await counted()).toMatchObject([{ writes: 1 }]);
    expect(await change(idsOf(keys), { deleted: true })).toEqual({ changed: 1, unchanged: 2 });
    expect(await counted()).toMatchObject([{ writes: 2 }]);
  });

  it('sets clients and an expiry, and keeps fields that are not named', async () => {
    const expiresAt = inAnHour();
    const ids = idsOf(keys.slice(0, 2));
    await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${ids[1] ?? ''}`;
    expect(await change(ids, { allowedIps: ['203.0.113.7', '2001:db8::/32'] })).toEqual({
      changed: 2,
      unchanged: 0,
    });
    expect(await change(ids.toReversed(), { expiresAt })).toEqual({ changed: 2, unchanged: 0 });
    expect(await change(ids, { expiresAt })).toEqual({ changed: 0, unchanged: 2 });
    const changed = { allowedIps: ['203.0.113.7/32', '2001:db8::/32'], expiresAt };
    expect(await getKey(owner, ids[0] ?? '')).toMatchObject({ ...changed, state: 'active' });
    expect(await getKey(owner, ids[1] ?? '')).toMatchObject({ ...changed, state: 'suspended' });
    expect(await getKey(owner, keys[2]?.id ?? '')).toMatchObject({
      allowedIps: [],
      expiresAt: null,
    });
    await change(ids, { expiresAt: null, allowedIps: [] });
    expect(await getKey(owner, ids[0] ?? '')).toMatchObject({ allowedIps: [], expiresAt: null });
    expect(await change(ids, {})).toEqual({ changed: 0, unchanged: 2 });
    expect(await audited()).toHaveLength(6);
  });

  it('changes up to 300 keys with one write', async () => {
    const many = await insertKeys(sql, owner.id, { count: 297, tier: 'team' });
    const ids = idsOf([...keys, ...many]);
    const { data, code } = await ask(calls.changeKeys(owner, { ids, deleted: true }));
    expect([code, data]).toEqual([null, { changed: 300, unchanged: 0 }]);
    const [row] = await sql`
      select cardinality(recent) as writes from proxy_private.write_windows
      where user_id = ${owner.id} and action = 'change'`;
    expect(row).toEqual({ writes: 1 });
    expect(await audited()).toHaveLength(300);
  });
});

describe('a refusal over HTTP and RPC changes nothing:', () => {
  const refused = async (
    ids: unknown,
    changes: Fields,
    status: number,
    code: string,
    field?: string,
  ) => {
    const state = () => sql`
      select id, deleted_at, expires_at, allowed_ips from proxy_private.proxy_keys
      where user_id = ${owner.id} order by id`;
    const before = await state();
    await expectSameRefusal(calls.changeKeys(owner, { ids, ...changes }), status, code, field);
    expect(await state()).toEqual(before);
    const [row] = await sql`
      select cardinality(recent) as writes from proxy_private.write_windows
      where user_id = ${owner.id} and action = 'change' and recent <> '{}'`;
    expect(row).toBeUndefined();
  };

  it("a key that is unknown or another user's is refused by its position", async () => {
    const theirs = await mintKey(await newUser());
    const ids = idsOf(keys);
    for (const unknown of [crypto.randomUUID(), theirs.id, theirs.keyId, '', 'x'.repeat(2_000)]) {
      await refused([...ids, unknown, unknown], { deleted: true }, 404, 'not_found', 'ids.3');
      await refused([unknown, ...ids], { expiresAt: null }, 404, 'not_found', 'ids.0');
    }
  });

  it("an admin cannot change another user's keys either", async () => {
    const admin = await newAdmin();
    const ways = calls.changeKeys(admin, { ids: idsOf(keys), deleted: true });
    await expectSameRefusal(ways, 404, 'not_found', 'ids.0');
    expect((await listKeys(owner)).every(({ active }) => active)).toBe(true);
  });

  it('a deleted key is refused by its position unless the change deletes it again', async () => {
    await sql`
      update proxy_private.proxy_keys set deleted_at = now() where id in ${sql(idsOf(keys.slice(1)))}`;
    for (const changes of [{ expiresAt: inAnHour() }, { allowedIps: ['10.0.0.0/8'] }, {}]) {
      await refused(idsOf(keys), changes, 409, 'key_deleted', 'ids.1');
    }
  });

  it.each<[string, () => unknown, Fields, string]>([
    ['no keys', () => [], { deleted: true }, 'ids'],
    ['301 keys', () => Array(301).fill(keys[0]?.id), { deleted: true }, 'ids'],
    ['a deletion and an expiry', () => idsOf(keys), { deleted: true, expiresAt: null }, 'deleted'],
    [
      'an expiry in the past',
      () => idsOf(keys),
      { expiresAt: '2026-01-01T00:00:00Z' },
      'expiresAt',
    ],
    ['an invalid range', () => idsOf(keys), { allowedIps: ['203.0.113.7/24'] }, 'allowedIps'],
  ])('%s', async (_, ids, changes, field) => {
    await refused(ids(), changes, 400, 'invalid_request', field);
  });

  it.each<[string, Fields, string]>([
    ['undoing a deletion', { deleted: false }, 'deleted'],
    ['one label for all keys', { label: 'x' }, 'label'],
  ])('%s is not possible', async (_, changes, field) => {
    const { status, error } = await owner.supabase.rpc('change_proxy_keys', {
      ids: idsOf(keys),
      changes: changes as Record<string, string>,
    });
    expect([status, error?.hint, error?.details]).toEqual([400, 'invalid_request', field]);
    const response = await owner.request('POST', '/api/v1/proxy/keys/changes', {
      ids: idsOf(keys),
      ...changes,
    });
    expect(response.status).toBe(400);
  });

  it('a null among the ids', async () => {
    const { status, error } = await owner.supabase.rpc('change_proxy_keys', {
      ids: [keys[0]?.id, null] as string[],
      changes: { deleted: true },
    });
    expect([status, error?.details]).toEqual([400, 'ids']);
  });

  it('a write over the limit per minute', async () => {
    await sql`
      insert into proxy_private.write_windows (user_id, action, recent)
      values (${owner.id}, 'change', array_fill(clock_timestamp(), array[120]))`;
    const ways = calls.changeKeys(owner, { ids: idsOf(keys), deleted: true });
    await expectSameRefusal(ways, 429, 'rate_limited');
    expect((await listKeys(owner)).every(({ active }) => active)).toBe(true);
  });
});
