import { randomUUID } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { askBy, type Fields, mint, ofOwners } from '../../supabase-js/both-ways.ts';
import { getKey, insertKeys, listKeys, mintKey } from '../../support/key-scenes.ts';
import { connectOwner, newUser, type Persona } from '../../support/personas.ts';
import { countRotations, forgetWrites } from '../../support/write-windows.ts';

const sql = connectOwner();
const mismatch = { status: 422, code: 'idempotency_mismatch' };
const alreadyDone = { status: 409, code: 'already_done' };
let owner: Persona;
let token: string;

beforeEach(async () => {
  owner = await newUser();
  token = randomUUID();
});
afterAll(() => sql.end());

/** All that a repeat must leave as it is: hashes, times, what was counted and the audit. */
async function stateOf(user: Persona): Promise<unknown> {
  const [row] = await sql`
    select
      (
        select jsonb_agg(to_jsonb(k) || to_jsonb(s) order by k.id)
        from private.proxy_keys as k join private.proxy_key_secrets as s on s.api_key_id = k.id
        where k.user_id = ${user.id}
      ) as keys,
      (
        select jsonb_agg(to_jsonb(w) order by w.action) from private.write_windows as w
        where w.user_id = ${user.id}
      ) as counted,
      (
        select jsonb_agg(a.action order by a.occurred_at) from private.proxy_key_audit as a
        where a.user_id = ${user.id}
      ) as audit,
      (
        select jsonb_agg(to_jsonb(i)) from private.idempotency_keys as i
        where i.user_id = ${user.id}
      ) as done`;
  return row;
}

describe.each(Object.entries(askBy))('a mint by %s', (_, ask) => {
  const once = (fields: Fields = { label: 'once' }, by = owner) => ask(mint(by, fields, token));

  it('that is sent again makes no second key, and is told which it made', async () => {
    const first = await once();
    expect(first).toMatchObject({ refused: null, data: { secret: expect.any(String) } });
    const before = await stateOf(owner);
    for (let n = 0; n < 3; n += 1) {
      expect(await once()).toEqual({ refused: alreadyDone, doneFor: first.data.id, data: {} });
    }
    expect(await stateOf(owner)).toEqual(before);
    expect(await listKeys(owner)).toHaveLength(1);
  });

  it.each<[string, Fields]>([
    ['with space around the label', { label: ' \tonce\u3000' }],
    ['with the defaults spelled out', { label: 'once', tier: 'developer', liveMode: true }],
    ['in another order', { liveMode: true, label: 'once' }],
  ])('is the same request %s', async (_, fields) => {
    const { data } = await once();
    expect(await once(fields)).toMatchObject({ refused: alreadyDone, doneFor: data.id });
  });

  it.each<[string, Fields]>([
    ['label', { label: 'Once' }],
    ['tier', { label: 'once', tier: 'team' }],
    ['mode', { label: 'once', liveMode: false }],
  ])('is another request with another %s, and refused as that', async (_, fields) => {
    await once();
    const before = await stateOf(owner);
    expect(await once(fields)).toEqual({ refused: mismatch, doneFor: null, data: {} });
    expect(await stateOf(owner)).toEqual(before);
  });

  it('under another key, or under none, makes another', async () => {
    await once();
    expect((await ask(mint(owner, { label: 'once' }, randomUUID()))).refused).toBeNull();
    expect((await ask(mint(owner, { label: 'once' }))).refused).toBeNull();
    expect((await ask(mint(owner, { label: 'once' }))).refused).toBeNull();
    expect(await listKeys(owner)).toHaveLength(4);
  });

  it('of another user may have the same key', async () => {
    const other = await newUser();
    const [{ data: mine }, theirs] = [await once(), await once({ label: 'once' }, other)];
    expect(theirs.refused).toBeNull();
    expect(theirs.data.id).not.toBe(mine.id);
    expect((await once({ label: 'once' }, other)).doneFor).toBe(theirs.data.id);
  });

  it('that was refused is not remembered', async () => {
    const large = { label: 'once', tier: 'enterprise' };
    expect((await once(large)).refused).toMatchObject({ code: 'tier_not_granted' });
    await sql`
      insert into private.proxy_tier_grants (user_id, tier) values (${owner.id}, 'enterprise')`;
    expect((await once(large)).refused).toBeNull();
    expect((await once(large)).refused).toEqual(alreadyDone);

    const full = await newUser();
    const [, ...keys] = await insertKeys(sql, full.id, { count: 100 });
    expect((await once(undefined, full)).refused).toMatchObject({ code: 'key_limit_reached' });
    expect((await once({ label: '' }, full)).refused).toMatchObject({ code: 'invalid_request' });
    await sql`update private.proxy_keys set deleted_at = now() where id = ${keys[0]?.id ?? ''}`;
    expect((await once({ label: 'other' }, full)).refused).toBeNull();
  });

  it('is remembered although there is no room for another, and although its key is gone', async () => {
    await insertKeys(sql, owner.id, { count: 99 });
    const { data } = await once();
    expect(await once()).toMatchObject({ refused: alreadyDone, doneFor: data.id });
    await ask(ofOwners.delete(owner, String(data.id)));
    expect(await once()).toMatchObject({ refused: alreadyDone, doneFor: data.id });
  });

  it('is remembered for 24 hours, and counts anew after that', async () => {
    const { data: first } = await once();
    const travel = (to: string) =>
      sql`
        update private.idempotency_keys set used_at = now() - ${to}::interval
        where user_id = ${owner.id}`;
    await travel('23:59:00');
    expect(await once()).toMatchObject({ refused: alreadyDone, doneFor: first.id });
    await travel('24:00:01');
    const { refused, data: second } = await once({ label: 'anew' });
    expect(refused).toBeNull();
    expect(await once({ label: 'anew' })).toMatchObject({
      refused: alreadyDone,
      doneFor: second.id,
    });
    expect(await listKeys(owner)).toHaveLength(2);
  });
});

describe.each(Object.entries(askBy))('a rotation by %s', (_, ask) => {
  let id: string;
  const once = (fields?: Fields, by = owner) => ask(ofOwners.rotate(by, id, fields, token));

  beforeEach(async () => {
    id = (await mintKey(owner)).id;
  });

  it('that is sent again changes no secret and costs no rotation, and is told of its key', async () => {
    expect((await once({ graceSeconds: 30 })).refused).toBeNull();
    const before = await stateOf(owner);
    for (let n = 0; n < 7; n += 1) {
      expect(await once({ graceSeconds: 30 })).toEqual({
        refused: alreadyDone,
        doneFor: id,
        data: {},
      });
    }
    expect(await stateOf(owner)).toEqual(before);
    expect((await getKey(owner, id)).graceEndsAt).not.toBeNull();
  });

  it('is the same request by uuid and by keyId, with a grace of 0 and with none', async () => {
    expect((await once()).refused).toBeNull();
    expect((await once({ graceSeconds: 0 })).refused).toEqual(alreadyDone);
    const { keyId } = await getKey(owner, id);
    const { refused, doneFor } = await ask(ofOwners.rotate(owner, keyId, undefined, token));
    expect({ refused, doneFor }).toEqual({ refused: alreadyDone, doneFor: id });
  });

  it('is another request with another grace, of another key, and than a mint', async () => {
    const other = await mintKey(owner);
    await once();
    const before = await stateOf(owner);
    for (const ways of [
      ofOwners.rotate(owner, id, { graceSeconds: 5 }, token),
      ofOwners.rotate(owner, other.id, undefined, token),
      mint(owner, { label: 'once' }, token),
    ]) {
      expect((await ask(ways)).refused).toEqual(mismatch);
    }
    expect(await stateOf(owner)).toEqual(before);
  });

  it('under a key that a mint had is another request', async () => {
    await ask(mint(owner, { label: 'once' }, token));
    expect((await once()).refused).toEqual(mismatch);
    expect(await getKey(owner, id)).toMatchObject({ rotatedAt: null });
  });

  it('that was refused is not remembered', async () => {
    await countRotations(sql, owner.id, 5);
    expect((await once()).refused).toMatchObject({ code: 'rate_limited' });
    await forgetWrites(sql, owner.id);
    for (const [column, code] of [
      ['deleted_at', 'key_deleted'],
      ['suspended_at', 'key_suspended'],
      ['expires_at', 'key_expired'],
    ] as const) {
      await sql`update private.proxy_keys set ${sql(column)} = now() where id = ${id}`;
      expect((await once()).refused).toEqual({ status: 409, code });
      await sql`update private.proxy_keys set ${sql(column)} = null where id = ${id}`;
    }
    expect((await once({ graceSeconds: 31 })).refused).toMatchObject({ code: 'invalid_request' });
    expect((await once({ graceSeconds: 7 })).refused).toBeNull();
    expect((await once({ graceSeconds: 7 })).refused).toEqual(alreadyDone);
  });

  it('is remembered over the limit of rotations, and when its key is deleted', async () => {
    await once();
    for (let n = 0; n < 4; n += 1) await ask(ofOwners.rotate(owner, id));
    expect((await ask(ofOwners.rotate(owner, id))).refused?.code).toBe('rate_limited');
    expect((await once()).refused).toEqual(alreadyDone);
    await ask(ofOwners.delete(owner, id));
    expect(await once()).toMatchObject({ refused: alreadyDone, doneFor: id });
  });

  it("tells another user nothing of it: theirs is of a key that they don't have", async () => {
    await once();
    const { refused, doneFor } = await once(undefined, await newUser());
    expect({ refused, doneFor }).toEqual({
      refused: { status: 404, code: 'not_found' },
      doneFor: null,
    });
  });
});

describe('a request that was done one way', () => {
  it('is done the other way too', async () => {
    const { data } = await askBy.route(mint(owner, { label: 'once' }, token));
    const again = await askBy.rpc(mint(owner, { label: 'once' }, token));
    expect(again).toMatchObject({ refused: alreadyDone, doneFor: data.id });
    const id = String(data.id);
    const rotation = ofOwners.rotate(owner, id, { graceSeconds: 3 }, randomUUID());
    expect((await askBy.rpc(rotation)).refused).toBeNull();
    expect(await askBy.route(rotation)).toMatchObject({ refused: alreadyDone, doneFor: id });
  });

  it('by keyId over the typed client too', async () => {
    const { keyId } = await mintKey(owner);
    const params = { path: { id: keyId }, header: { 'Idempotency-Key': token } };
    const first = await owner.api.POST('/api/v1/proxy/keys/{id}/rotate', { params });
    expect(first.data?.key.keyId).toBe(keyId);
    const second = await owner.api.POST('/api/v1/proxy/keys/{id}/rotate', { params });
    expect(second.error).toMatchObject({ ...alreadyDone, id: first.data?.key.id });
  });
});
