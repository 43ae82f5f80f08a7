import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, expectSameAnswer, expectSameRefusal } from '../../support/both-ways.ts';
import { type BothWays, calls, type Fields } from '../../support/calls.ts';
import { insertKeys, mintKey } from '../../support/key-scenes.ts';
import { connectOwner, newAdmin, newUser, type Persona } from '../../support/personas.ts';

const sql = connectOwner();
let owner: Persona;
/** All of the owner's keys, newest first. */
let all: string[];
let undeleted: string[];
/** The cursor that the list without a limit returns. */
let flagged: string;

beforeAll(async () => {
  owner = await newUser();
  await insertKeys(sql, owner.id, { count: 2_500, deleted: true });
  undeleted = (await insertKeys(sql, owner.id, { count: 3 })).map(({ id }) => id);
  // the newest key, one among the deleted keys, and the oldest
  await sql`
    update proxy_private.proxy_keys as k set created_at = now() - make_interval(secs => u.seconds)
    from unnest(${undeleted}::uuid[], array[0.5, 1000.5, 9999]) as u (id, seconds)
    where k.id = u.id`;
  all = await idsOf(owner);
  flagged = (await expectSameAnswer(calls.list(owner))).cursor ?? '';
});
afterAll(() => sql.end());

async function idsOf(user: Persona): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from proxy_private.proxy_keys where user_id = ${user.id}
    order by created_at desc, id desc`;
  return rows.map(({ id }) => id);
}

/** The ids on each page to the end, alike over HTTP by `Link` and RPC by `next_cursor`. */
async function followPages(user: Persona, query: Fields = {}): Promise<string[][]> {
  return followFrom((cursor) => calls.list(user, { ...query, ...cursor }));
}

async function followFrom(ask: (cursor: { cursor?: string }) => BothWays): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | null = null;
  do {
    const page: Answer = await expectSameAnswer(ask(cursor === null ? {} : { cursor }));
    pages.push((page.items as { id: string }[]).map(({ id }) => id));
    cursor = page.cursor;
  } while (cursor !== null);
  return pages;
}

describe('an owner of 2,500 deleted keys and 3 others who lists without a limit', () => {
  it('gets the 3 and the newest deleted ones, up to 2,000 in total, newest first', async () => {
    const [first = []] = await followPages(owner);
    const deleted = all.filter((id) => !undeleted.includes(id));
    const expected = new Set([...undeleted, ...deleted.slice(0, 1_997)]);
    expect(first).toEqual(all.filter((id) => expected.has(id)));
    expect([first[0], first.at(-1)]).toEqual([undeleted[0], undeleted[2]]);
  });

  it('reaches each of the other keys once by Link or next_cursor', async () => {
    const pages = await followPages(owner);
    expect(pages.map((page) => page.length)).toEqual([2_000, 503]);
    expect(pages[1]).toEqual(all.slice(-504, -1));
    expect(pages.flat().toSorted()).toEqual(all.toSorted());
  });

  it('can also read the rest in pages with a limit, which have only deleted keys', async () => {
    const rest = await followFrom(({ cursor = flagged }) =>
      calls.list(owner, { limit: 200, cursor }),
    );
    expect(rest.map((page) => page.length)).toEqual([200, 200, 103]);
    expect(rest.flat()).toEqual(all.slice(-504, -1));
  });

  it('gets no key by the cursor that was added meanwhile', async () => {
    const user = await newUser();
    await insertKeys(sql, user.id, { count: 2_001, deleted: true });
    const { items, cursor } = await expectSameAnswer(calls.list(user));
    await insertKeys(sql, user.id, { count: 1 });
    await sql`
      update proxy_private.proxy_keys set created_at = now() - interval '1 day'
      where user_id = ${user.id} and deleted_at is null`;
    const rest = await expectSameAnswer(calls.list(user, { cursor: cursor ?? '' }));
    expect([items, rest.items]).toMatchObject([{ length: 2_000 }, { length: 1 }]);
    expect(rest.cursor).toBeNull();
  });

  it('gets the keys of a filter in the same way', async () => {
    const deleted = all.filter((id) => !undeleted.includes(id));
    const pages = await followPages(owner, { active: false });
    expect(pages).toEqual([deleted.slice(0, 2_000), deleted.slice(2_000)]);
    expect(await followPages(owner, { active: true })).toEqual([undeleted]);
    expect(await followPages(owner, { active: true, label: 'KEY 1' })).toEqual([[undeleted[0]]]);
  });

  it('gets the same keys in the usage by key', async () => {
    const pages = await followFrom((cursor) => calls.usageByKey(owner, cursor));
    expect(pages).toEqual(await followPages(owner));
  });

  it('gets the same keys from the summaries, in ranges within max_rows', async () => {
    const [first = []] = await followPages(owner);
    const read: unknown[] = [];
    for (const from of [0, 1_000, 2_000]) {
      const { data, error } = await owner.supabase
        .from('proxy_key_summaries')
        .select('id')
        .order('created_at', { ascending: false })
        .order('id', { ascending: false })
        .range(from, from + 999);
      expect(error).toBeNull();
      read.push(...(data ?? []).map(({ id }) => id));
    }
    expect(read).toEqual(first);
  });

  it('another user gets only their own keys by that cursor', async () => {
    const other = await newUser();
    const { id } = await mintKey(other);
    await other.request('DELETE', `/api/v1/proxy/keys/${id}`);
    await sql`update proxy_private.proxy_keys set created_at = now() - interval '1 day' where id = ${id}`;
    expect(await followFrom(({ cursor = flagged }) => calls.list(other, { cursor }))).toEqual([
      [id],
    ]);
  });
});

describe('an owner of fewer keys who lists without a limit', () => {
  it.each([
    [1_999, 1],
    [2_000, 0],
    [0, 100],
  ])('gets all keys, with no Link: %i deleted and %i others', async (deleted, others) => {
    const user = await newUser();
    await insertKeys(sql, user.id, { count: deleted, deleted: true });
    await insertKeys(sql, user.id, { count: others });
    expect(await followPages(user)).toEqual([await idsOf(user)]);
  });
});

describe('an owner of more than 2,000 undeleted keys', () => {
  it('gets all of them at once, and the deleted ones by the cursor', async () => {
    const user = await newUser();
    await insertKeys(sql, user.id, { count: 2_001 });
    await insertKeys(sql, user.id, { count: 3, deleted: true });
    const pages = await followPages(user);
    expect(pages.flat().toSorted()).toEqual((await idsOf(user)).toSorted());
    expect(pages.map((page) => page.length)).toEqual([2_002, 2]);
  });
});

describe('the cursor of the list without a limit', () => {
  it('has the same form as other cursors', () => {
    expect(flagged).toMatch(/^[A-Za-z0-9_-]{32}$/);
  });

  it.each<[string, (id: string) => BothWays]>([
    ['events', (id) => calls.events(owner, id, { cursor: flagged })],
    ['events as CSV', (id) => calls.csv(owner, id, { cursor: flagged })],
  ])('is refused by other lists: %s', async (_, ask) => {
    await expectSameRefusal(ask(undeleted[0] ?? ''), 400, 'invalid_request', 'cursor');
  });

  it('is refused by the audit log', async () => {
    for (const id of [undefined, undeleted[0]]) {
      expect(
        await owner.supabase.rpc('list_proxy_key_audit', {
          cursor: flagged,
          ...(id ? { id } : {}),
        }),
      ).toMatchObject({
        status: 400,
        error: { code: 'PT400', hint: 'invalid_request', details: 'cursor' },
      });
    }
  });

  it.each([
    ['keys', calls.findKeys],
    ['grants', calls.findGrants],
  ])("is refused by the admins' list of %s", async (_, find) => {
    const ways = find(await newAdmin(), { cursor: flagged });
    await expectSameRefusal(ways, 400, 'invalid_request', 'cursor');
  });
});
