import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Caller, callerWith } from '../support/calls.ts';
import { insertKeys, mintKey } from '../support/key-scenes.ts';
import { type OwnAuditRow, readOwnAudit } from '../support/own-history.ts';
import {
  connectOwner,
  createSupabase,
  newAdmin,
  newUser,
  type Persona,
  request,
  signToken,
} from '../support/personas.ts';

const { secretKey } = inject('stack');
const sql = connectOwner();
const auth = createSupabase(secretKey).auth.admin;
const reason = 'Ticket 42.';
let owner: Persona;
let admin: Persona;
let one: { id: string; keyId: string; secret: string };
let two: { id: string };

interface AuditQuery {
  id?: string | null;
  limit?: number | null;
  cursor?: string | null;
}

const ask = (by: Caller, query: AuditQuery = {}) =>
  // includes null, as callers may pass SQL's defaults explicitly
  by.supabase.rpc('list_proxy_key_audit', query as { id?: string });

/** Reads a page that must succeed. */
async function readPage(by: Caller, query: AuditQuery) {
  const { data, error } = await ask(by, query);
  expect(error).toBeNull();
  return {
    rows: (data?.items ?? []) as unknown as OwnAuditRow[],
    cursor: data?.next_cursor ?? null,
  };
}

/** The rows of each page to the end, while `meanwhile` runs. */
async function followPages(
  by: Caller,
  query: AuditQuery,
  meanwhile: () => Promise<unknown> = async () => {},
): Promise<OwnAuditRow[][]> {
  const pages: OwnAuditRow[][] = [];
  let cursor: string | null = null;
  do {
    const page = await readPage(by, { ...query, cursor });
    pages.push(page.rows);
    cursor = page.cursor;
    await meanwhile();
  } while (cursor !== null);
  return pages;
}

async function expectRefusal(
  by: Caller,
  query: AuditQuery,
  expected: { status: number; code: string; hint: string; details?: string },
) {
  const { status, data, error } = await ask(by, query);
  const { code, hint, details } = error ?? {};
  expect({ status, data, code, hint, details }).toEqual({
    data: null,
    details: null,
    ...expected,
  });
}

const unauthorized = { status: 401, code: 'PT401', hint: 'unauthorized' };
const notFound = { status: 404, code: 'PT404', hint: 'not_found' };

beforeAll(async () => {
  [owner, admin] = await Promise.all([newUser(), newAdmin()]);
  one = await mintKey(owner);
  two = await mintKey(owner, { tier: 'team' });
  await request('PATCH', `/api/v1/proxy/keys/${one.id}`, {
    token: owner.token,
    body: { label: 'renamed' },
    headers: { 'X-Request-Id': 'rename-1' },
  });
  const { supabase } = admin;
  await supabase.rpc('suspend_proxy_key', { id: one.id, reason });
  await supabase.rpc('grant_proxy_tier', { user: owner.id, tier: 'enterprise', reason });
  await owner.supabase.rpc('delete_proxy_key', { id: one.id });
});
afterAll(() => sql.end());

describe('an owner who reads the audit log', () => {
  const row = { tier: null, changes: null, reason: null };
  const expected = () => {
    const [byOwner, byAdmin] = [
      { ...row, actor_id: owner.id },
      { ...row, actor_id: admin.id, reason },
    ];
    return [
      { ...byOwner, api_key_id: one.id, action: 'deleted' },
      { ...byAdmin, api_key_id: null, action: 'tier_granted', tier: 'enterprise' },
      { ...byAdmin, api_key_id: one.id, action: 'suspended' },
      { ...byOwner, api_key_id: one.id, action: 'updated', changes: { label: 'renamed' } },
      { ...byOwner, api_key_id: two.id, action: 'minted' },
      { ...byOwner, api_key_id: one.id, action: 'minted' },
    ];
  };

  it('gets the actions on all keys and grants, newest first', async () => {
    const { rows, cursor } = await readPage(owner, {});
    expect(rows).toMatchObject(expected());
    expect(cursor).toBeNull();
    const times = rows.map(({ occurred_at }) => occurred_at);
    expect(times).toEqual(times.toSorted().toReversed());
    expect(rows.map(({ request_id }) => request_id)).toContain('rename-1');
  });

  it('gets exactly the documented fields of each row, without the owner', async () => {
    const { rows } = await readPage(owner, {});
    for (const each of rows) {
      expect(Object.keys(each)).toEqual([
        'id',
        'api_key_id',
        'tier',
        'actor_id',
        'action',
        'changes',
        'reason',
        'request_id',
        'occurred_at',
      ]);
    }
    const text = JSON.stringify(rows);
    for (const kept of [owner.email, admin.email, one.secret]) expect(text).not.toContain(kept);
  });

  it.each(['id', 'keyId'] as const)(
    'gets the actions on one key, deleted or not, by its %s',
    async (name) => {
      const { rows, cursor } = await readPage(owner, { id: one[name] });
      expect(rows).toMatchObject(expected().filter(({ api_key_id }) => api_key_id === one.id));
      expect(rows).toHaveLength(4);
      expect(cursor).toBeNull();
    },
  );

  it('gets the same with nulls instead of omitted arguments', async () => {
    const nulls = { id: null, limit: null, cursor: null };
    expect(await readPage(owner, nulls)).toEqual(await readPage(owner, {}));
  });

  it('gets nothing before the first action', async () => {
    expect(await readPage(await newUser(), {})).toEqual({ rows: [], cursor: null });
  });
});

describe('an owner of a long history', () => {
  let busy: Persona;
  let ids: string[];

  /** 60 rows of one moment and 60 of others, half of them for each key; 122 with the mints. */
  beforeAll(async () => {
    busy = await newUser();
    ids = (await insertKeys(sql, busy.id, { count: 2 })).map(({ id }) => id);
    await sql`
      insert into proxy_private.proxy_key_audit (api_key_id, user_id, action, occurred_at)
      select
        (${ids}::uuid[])[1 + n % 2], ${busy.id}, 'rotated',
        now() - case when n <= 60 then interval '1 hour' else make_interval(hours => n) end
      from generate_series(1, 120) as n`;
  });

  const idsOf = async (key?: string) => {
    const rows = await sql<{ id: string }[]>`
      select id from proxy_private.proxy_key_audit
      where user_id = ${busy.id} and api_key_id = any(${key ? [key] : ids}::uuid[])
      order by occurred_at desc, id desc`;
    return rows.map(({ id }) => id);
  };

  it.each([1, 7, 50, 61, 122, 200])(
    'gets each row once, newest first, in pages of %i',
    async (limit) => {
      const pages = await followPages(busy, { limit });
      expect(pages.flat().map(({ id }) => id)).toEqual(await idsOf());
      expect(pages).toHaveLength(Math.ceil(122 / limit));
      expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true);
    },
  );

  it('gets the rows of one key in pages too', async () => {
    const [key = ''] = ids;
    const pages = await followPages(busy, { id: key, limit: 25 });
    expect(pages.map((page) => page.length)).toEqual([25, 25, 11]);
    expect(pages.flat().map(({ id }) => id)).toEqual(await idsOf(key));
  });

  it('gets 50 per page without a limit', async () => {
    expect((await followPages(busy, {})).map((page) => page.length)).toEqual([50, 50, 22]);
  });

  it('gets each original row once while others are added', async () => {
    const before = await idsOf();
    const pages = await followPages(busy, { limit: 20 }, async () => {
      const { error } = await busy.supabase.rpc('update_proxy_key', {
        id: ids[0] ?? '',
        changes: { label: randomUUID() },
      });
      expect(error).toBeNull();
    });
    expect(pages.flat().map(({ id }) => id)).toEqual(before);
    expect((await idsOf()).length).toBeGreaterThan(before.length);
  });

  it('gives another user nothing by its cursor', async () => {
    const { cursor } = await readPage(busy, { limit: 1 });
    expect(await readPage(await newUser(), { cursor })).toEqual({ rows: [], cursor: null });
  });
});

describe('a caller who is not the owner', () => {
  it.each<[string, () => Promise<Persona> | Persona]>([
    ['another user', newUser],
    ['an admin', () => admin],
  ])('is refused the audit log of a key like that of an unknown key: %s', async (_, persona) => {
    const by = await persona();
    for (const id of [one.id, one.keyId, randomUUID(), 'avp_live_000000000000', "' or true --"]) {
      await expectRefusal(by, { id }, notFound);
    }
    expect(JSON.stringify(await readOwnAudit(by))).not.toContain(one.id);
  });

  it.each<[string, (user: Persona) => Promise<unknown>]>([
    ['banned', ({ id }) => auth.updateUserById(id, { ban_duration: '1h' })],
    // the local stack's Auth deletes only permanently
    ['softly deleted', ({ id }) => sql`update auth.users set deleted_at = now() where id = ${id}`],
    ['removed', ({ id }) => auth.deleteUser(id)],
  ])('gets nothing with a valid token if the account is %s', async (_, end) => {
    const user = await newUser();
    const { id } = await mintKey(user);
    expect(await readOwnAudit(user)).toHaveLength(1);
    await end(user);
    await expectRefusal(user, {}, unauthorized);
    await expectRefusal(user, { id }, unauthorized);
  });

  it('gets it again after a ban is lifted', async () => {
    const user = await newUser();
    await mintKey(user);
    await auth.updateUserById(user.id, { ban_duration: '1h' });
    await expectRefusal(user, {}, unauthorized);
    await auth.updateUserById(user.id, { ban_duration: 'none' });
    expect(await readOwnAudit(user)).toHaveLength(1);
  });

  it('gets nothing with a token that expired seconds ago, which PostgREST still accepts', async () => {
    const exp = Math.floor(Date.now() / 1000) - 5;
    const token = await signToken({ ...decodeJwt(owner.token), exp });
    await expectRefusal(callerWith(token), {}, unauthorized);
  });
});

describe('an invalid request for the audit log', () => {
  it.each<[string, AuditQuery]>([
    ['limit', { limit: 0 }],
    ['limit', { limit: -1 }],
    ['limit', { limit: 201 }],
    ['cursor', { cursor: '' }],
    ['cursor', { cursor: 'A'.repeat(31) }],
    ['cursor', { cursor: '_'.repeat(32) }],
    ['cursor', { cursor: 'f'.repeat(32) }],
  ])('is refused, naming %s: %o', async (details, query) => {
    for (const of of [{}, { id: two.id }]) {
      await expectRefusal(
        owner,
        { ...of, ...query },
        { status: 400, code: 'PT400', hint: 'invalid_request', details },
      );
    }
  });

  it('with an unknown argument matches no function in PostgREST', async () => {
    expect(await ask(owner, { key: one.id } as AuditQuery)).toMatchObject({
      status: 404,
      error: { code: 'PGRST202' },
    });
  });
});
