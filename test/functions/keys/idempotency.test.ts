import { randomUUID } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { askBy } from '../../support/both-ways.ts';
import { calls, type Fields } from '../../support/calls.ts';
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

/** Everything that a repeat must not change: hashes, times, counted writes and the audit log. */
async function stateOf(user: Persona): Promise<unknown> {
  const [row] = await sql`
    select
      (
        select jsonb_agg(to_jsonb(k) || to_jsonb(s) order by k.id)
        from proxy_private.proxy_keys as k join proxy_private.proxy_key_secrets as s on s.api_key_id = k.id
        where k.user_id = ${user.id}
      ) as keys,
      (
        select jsonb_agg(to_jsonb(w) order by w.action) from proxy_private.write_windows as w
        where w.user_id = ${user.id}
      ) as counted,
      (
        select jsonb_agg(a.action order by a.occurred_at) from proxy_private.proxy_key_audit as a
        where a.user_id = ${user.id}
      ) as audit,
      (
        select jsonb_agg(to_jsonb(i)) from proxy_private.idempotency_keys as i
        where i.user_id = ${user.id}
      ) as done`;
  return row;
}

describe.each(Object.entries(askBy))('a mint by %s', (_, ask) => {
  const once = (fields: Fields = { label: 'once' }, by = owner) =>
    ask(calls.mint(by, fields, token));

  it('that is repeated creates no second key, and gets the id of the first', async () => {
    const first = await once();
    expect(first).toMatchObject({ code: null, data: { secret: expect.any(String) } });
    const before = await stateOf(owner);
    for (let n = 0; n < 3; n += 1) {
      expect(await once()).toMatchObject({ ...alreadyDone, doneFor: first.data?.id, data: null });
    }
    expect(await stateOf(owner)).toEqual(before);
    expect(await listKeys(owner)).toHaveLength(1);
  });

  it.each<[string, Fields]>([
    ['with spaces around the label', { label: ' \tonce\u3000' }],
    ['with explicit defaults', { label: 'once', tier: 'developer', liveMode: true }],
    ['with fields in another order', { liveMode: true, label: 'once' }],
  ])('is the same request %s', async (_, fields) => {
    const { data } = await once();
    expect(await once(fields)).toMatchObject({ ...alreadyDone, doneFor: data?.id });
  });

  it.each<[string, Fields]>([
    ['label', { label: 'Once' }],
    ['tier', { label: 'once', tier: 'team' }],
    ['mode', { label: 'once', liveMode: false }],
  ])('is a different request with another %s, and is refused', async (_, fields) => {
    await once();
    const before = await stateOf(owner);
    expect(await once(fields)).toMatchObject({ ...mismatch, doneFor: null, data: null });
    expect(await stateOf(owner)).toEqual(before);
  });

  it('with another idempotency key, or with none, creates another key', async () => {
    await once();
    expect((await ask(calls.mint(owner, { label: 'once' }, randomUUID()))).code).toBeNull();
    expect((await ask(calls.mint(owner, { label: 'once' }))).code).toBeNull();
    expect((await ask(calls.mint(owner, { label: 'once' }))).code).toBeNull();
    expect(await listKeys(owner)).toHaveLength(4);
  });

  it('of another user may use the same idempotency key', async () => {
    const other = await newUser();
    const [{ data: mine }, theirs] = [await once(), await once({ label: 'once' }, other)];
    expect(theirs.code).toBeNull();
    expect(theirs.data?.id).not.toBe(mine?.id);
    expect((await once({ label: 'once' }, other)).doneFor).toBe(theirs.data?.id);
  });

  it('that was refused is not remembered', async () => {
    const large = { label: 'once', tier: 'enterprise' };
    expect(await once(large)).toMatchObject({ code: 'tier_not_granted' });
    await sql`
      insert into proxy_private.proxy_tier_grants (user_id, tier) values (${owner.id}, 'enterprise')`;
    expect((await once(large)).code).toBeNull();
    expect(await once(large)).toMatchObject(alreadyDone);

    const full = await newUser();
    const [, ...keys] = await insertKeys(sql, full.id, { count: 100 });
    expect(await once(undefined, full)).toMatchObject({ code: 'key_limit_reached' });
    expect(await once({ label: '' }, full)).toMatchObject({ code: 'invalid_request' });
    await sql`update proxy_private.proxy_keys set deleted_at = now() where id = ${keys[0]?.id ?? ''}`;
    expect((await once({ label: 'other' }, full)).code).toBeNull();
  });

  it('is remembered when the key limit is reached and after its key is deleted', async () => {
    await insertKeys(sql, owner.id, { count: 99 });
    const { data } = await once();
    expect(await once()).toMatchObject({ ...alreadyDone, doneFor: data?.id });
    await ask(calls.delete(owner, String(data?.id)));
    expect(await once()).toMatchObject({ ...alreadyDone, doneFor: data?.id });
  });

  it('is remembered for 24 hours, and a new request after that', async () => {
    const { data: first } = await once();
    const travel = (to: string) =>
      sql`
        update proxy_private.idempotency_keys set used_at = now() - ${to}::interval
        where user_id = ${owner.id}`;
    await travel('23:59:00');
    expect(await once()).toMatchObject({ ...alreadyDone, doneFor: first?.id });
    await travel('24:00:01');
    const { code, data: second } = await once({ label: 'again' });
    expect(code).toBeNull();
    expect(await once({ label: 'again' })).toMatchObject({
      ...alreadyDone,
      doneFor: second?.id,
    });
    expect(await listKeys(owner)).toHaveLength(2);
  });
});

describe.each(Object.entries(askBy))('a rotation by %s', (_, ask) => {
  let id: string;
  const once = (fields?: Fields, by = owner) => ask(calls.rotate(by, id, fields, token));

  beforeEach(async () => {
    id = (await mintKey(owner)).id;
  });

  it('that is repeated changes no secret, counts as no rotation, and gets the id of its key', async () => {
    expect((await once({ graceSeconds: 30 })).code).toBeNull();
    const before = await stateOf(owner);
    for (let n = 0; n < 7; n += 1) {
      expect(await once({ graceSeconds: 30 })).toMatchObject({
        ...alreadyDone,
        doneFor: id,
        data: null,
      });
    }
    expect(await stateOf(owner)).toEqual(before);
    expect((await getKey(owner, id)).graceEndsAt).not.toBeNull();
  });

  it('is the same request by uuid and by keyId, with a grace period of 0 and without one', async () => {
    expect((await once()).code).toBeNull();
    expect(await once({ graceSeconds: 0 })).toMatchObject(alreadyDone);
    const { keyId } = await getKey(owner, id);
    expect(await ask(calls.rotate(owner, keyId, undefined, token))).toMatchObject({
      ...alreadyDone,
      doneFor: id,
    });
  });

  it('is a different request from one with another grace period, of another key, or from a mint', async () => {
    const other = await mintKey(owner);
    await once();
    const before = await stateOf(owner);
    for (const ways of [
      calls.rotate(owner, id, { graceSeconds: 5 }, token),
      calls.rotate(owner, other.id, undefined, token),
      calls.mint(owner, { label: 'once' }, token),
    ]) {
      expect(await ask(ways)).toMatchObject(mismatch);
    }
    expect(await stateOf(owner)).toEqual(before);
  });

  it('with the idempotency key of a mint is a different request', async () => {
    await ask(calls.mint(owner, { label: 'once' }, token));
    expect(await once()).toMatchObject(mismatch);
    expect(await getKey(owner, id)).toMatchObject({ rotatedAt: null });
  });

  it('that was refused is not remembered', async () => {
    await countRotations(sql, owner.id, 5);
    expect(await once()).toMatchObject({ code: 'rate_limited' });
    await forgetWrites(sql, owner.id);
    for (const [column, code] of [
      ['deleted_at', 'key_deleted'],
      ['suspended_at', 'key_suspended'],
      ['expires_at', 'key_expired'],
    ] as const) {
      await sql`update proxy_private.proxy_keys set ${sql(column)} = now() where id = ${id}`;
      expect(await once()).toMatchObject({ status: 409, code });
      await sql`update proxy_private.proxy_keys set ${sql(column)} = null where id = ${id}`;
    }
    expect(await once({ graceSeconds: 31 })).toMatchObject({ code: 'invalid_request' });
    expect((await once({ graceSeconds: 7 })).code).toBeNull();
    expect(await once({ graceSeconds: 7 })).toMatchObject(alreadyDone);
  });

  it('is remembered over the rotation limit, and after its key is deleted', async () => {
    await once();
    for (let n = 0; n < 4; n += 1) await ask(calls.rotate(owner, id));
    expect((await ask(calls.rotate(owner, id))).code).toBe('rate_limited');
    expect(await once()).toMatchObject(alreadyDone);
    await ask(calls.delete(owner, id));
    expect(await once()).toMatchObject({ ...alreadyDone, doneFor: id });
  });

  it('reveals nothing to another user, who does not have the key', async () => {
    await once();
    expect(await once(undefined, await newUser())).toMatchObject({
      status: 404,
      code: 'not_found',
      doneFor: null,
    });
  });
});

describe('a request that was made over HTTP or RPC', () => {
  it('is also remembered over the other', async () => {
    const { data } = await askBy.route(calls.mint(owner, { label: 'once' }, token));
    const again = await askBy.rpc(calls.mint(owner, { label: 'once' }, token));
    expect(again).toMatchObject({ ...alreadyDone, doneFor: data?.id });
    const id = String(data?.id);
    const rotation = calls.rotate(owner, id, { graceSeconds: 3 }, randomUUID());
    expect((await askBy.rpc(rotation)).code).toBeNull();
    expect(await askBy.route(rotation)).toMatchObject({ ...alreadyDone, doneFor: id });
  });

  it('by keyId is remembered over the typed client too', async () => {
    const { keyId } = await mintKey(owner);
    const params = { path: { id: keyId }, header: { 'Idempotency-Key': token } };
    const first = await owner.api.POST('/api/v1/proxy/keys/{id}/rotate', { params });
    expect(first.data?.key.keyId).toBe(keyId);
    const second = await owner.api.POST('/api/v1/proxy/keys/{id}/rotate', { params });
    expect(second.error).toMatchObject({ ...alreadyDone, id: first.data?.key.id });
  });
});
