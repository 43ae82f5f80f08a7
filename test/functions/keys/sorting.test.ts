import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  askBy,
  expectSameAnswer,
  expectSameRefusal,
} from '../../support/both-ways.ts';
import { calls, type Fields } from '../../support/calls.ts';
import { insertKeys } from '../../support/key-scenes.ts';
import { connectOwner, newUser, type Persona } from '../../support/personas.ts';

const sql = connectOwner();
let owner: Persona;

/**
 * Each label with its age in days, its last use and its usage; equal positions are ordered by id.
 */
const keys: [label: string, age: number, usedDaysAgo: number | null, used: number][] = [
  ['crawler 10', 1, 3, 500],
  ['Crawler 9', 5, null, 0],
  ['crawler 9', 4, 0, 500],
  ['Ärger', 3, null, 0],
  ['zoo', 2, 1, 2 ** 53 - 1],
  ['東京', 7, 2, 7],
  ['"quoted", \\ and é', 6, 4, 1],
];
const orders = {
  createdAt: ['東京', '"quoted", \\ and é', 'Crawler 9', 'crawler 9', 'Ärger', 'zoo', 'crawler 10'],
  label: ['"quoted", \\ and é', 'Ärger', 'crawler 9', 'Crawler 9', 'crawler 10', 'zoo', '東京'],
};

beforeAll(async () => {
  owner = await newUser();
  const made = await insertKeys(sql, owner.id, { count: keys.length });
  await sql`
    update proxy_private.proxy_keys as k
    set label = u.label, created_at = now() - make_interval(days => u.age)
    from unnest(
      ${made.map(({ id }) => id)}::uuid[], ${keys.map(([label]) => label)}::text[],
      ${keys.map(([, age]) => age)}::integer[]
    ) as u (id, label, age)
    where k.id = u.id`;
  await sql`
    insert into proxy_private.proxy_usage_monthly (
      api_key_id, month, user_id, requests, bytes_sent, bytes_received, last_used_at
    )
    select u.id, date_trunc('month', now() at time zone 'UTC')::date, ${owner.id}, 1, u.used, 0,
      now() - make_interval(days => u.days)
    from unnest(
      ${made.map(({ id }) => id)}::uuid[], ${keys.map(([, , days]) => days)}::integer[],
      ${keys.map(([, , , used]) => used)}::bigint[]
    ) as u (id, days, used)
    where u.days is not null`;
});
afterAll(() => sql.end());

/** The keys of all pages, alike over HTTP and RPC. */
async function follow(by: Persona, fields: Fields): Promise<Fields[]> {
  const found: Fields[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: Answer = await expectSameAnswer(
      calls.list(by, { ...fields, ...(cursor && { cursor }) }),
    );
    found.push(...page.items);
    cursor = page.cursor;
  }
  return found;
}

const labelsOf = (items: Fields[]) => items.map(({ label }) => label);

describe.each([1, 3, 200])('in pages of %s, each key appears once, sorted', (limit) => {
  it.each(['', 'undeleted'])('by age and by label, with state %j', async (state) => {
    const more = { limit, ...(state && { state }) };
    for (const [sort, labels] of Object.entries(orders)) {
      expect(labelsOf(await follow(owner, { sort, ...more })), sort).toEqual(labels);
      expect(labelsOf(await follow(owner, { sort: `-${sort}`, ...more })), sort).toEqual(
        labels.toReversed(),
      );
    }
    expect(labelsOf(await follow(owner, more))).toEqual(orders.createdAt.toReversed());
  });

  it('by last use, where never comes first, and by usage', async () => {
    const byUse = await follow(owner, { sort: 'lastUsedAt', limit });
    expect(labelsOf(byUse).slice(2)).toEqual([
      '"quoted", \\ and é',
      'crawler 10',
      '東京',
      'zoo',
      'crawler 9',
    ]);
    expect(await follow(owner, { sort: '-lastUsedAt', limit })).toEqual(byUse.toReversed());
    const used = await follow(owner, { sort: 'used', limit });
    expect(used.map((key) => key.bandwidthUsedThisPeriodBytes)).toEqual([
      0,
      0,
      1,
      7,
      500,
      500,
      2 ** 53 - 1,
    ]);
    expect(await follow(owner, { sort: '-used', limit })).toEqual(used.toReversed());
  });
});

it('with over 2,000 keys, sorting by age shows all, and any other sort only the newest 2,000', async () => {
  const user = await newUser();
  await insertKeys(sql, user.id, { count: 2_003, deleted: true });
  const [{ id } = { id: '' }] = await insertKeys(sql, user.id, { count: 1 });
  await sql`update proxy_private.proxy_keys set created_at = now() - interval '9 days' where id = ${id}`;
  const oldest = await follow(user, { sort: 'createdAt', limit: 200 });
  expect([oldest.length, oldest[0]?.id]).toEqual([2_004, id]);
  const { items, cursor } = await askBy.rpc(calls.list(user, { sort: 'createdAt' }));
  expect([items.length, cursor === null]).toEqual([2_000, false]);
  const byLabel = (await askBy.rpc(calls.list(user, { sort: 'label' }))).items;
  expect([byLabel.length, byLabel.some((key) => key.id === id)]).toEqual([2_000, true]);
});

it('keys that are renamed, added or deleted meanwhile do not move other keys', async () => {
  const user = await newUser();
  const made = await insertKeys(sql, user.id, { count: 4 });
  const first = await askBy.rpc(calls.list(user, { sort: 'label', limit: 2 }));
  expect(labelsOf(first.items)).toEqual(['key 1', 'key 2']);
  await sql`update proxy_private.proxy_keys set label = 'zzz' where id = ${made[1]?.id ?? ''}`;
  await insertKeys(sql, user.id, { count: 1 });
  await askBy.rpc(calls.delete(user, made[0]?.id ?? ''));
  const { cursor } = first;
  const next = await askBy.rpc(calls.list(user, { sort: 'label', limit: 3, cursor }));
  expect(labelsOf(next.items)).toEqual(['key 3', 'key 4', 'zzz']);
});

describe('a cursor', () => {
  it.each(['-createdAt', 'createdAt', 'label', '-label', '-used', 'lastUsedAt'])(
    'for sort %s is refused for every other sort',
    async (sort) => {
      const { cursor } = await askBy.rpc(calls.list(owner, { sort, limit: 1 }));
      expect(cursor).toMatch(/^[\w-]+$/);
      for (const other of ['-createdAt', 'createdAt', 'label', '-label', '-used', 'lastUsedAt']) {
        if (other === sort) continue;
        const ways = calls.list(owner, { sort: other, limit: 1, cursor });
        await expectSameRefusal(ways, 400, 'invalid_request', 'cursor');
      }
    },
  );

  const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const id = crypto.randomUUID();
  it.each([
    ['empty', ''],
    ['padded', `${encoded(['label', false, '0', 'a', id])}=`],
    ['huge', 'A'.repeat(5_000)],
    ['not JSON', 'AAAA'],
    ['a truncated UTF-8 character', 'w7_D'],
    ['a text', encoded('label')],
    ['an object', encoded({ 0: 'label' })],
    ['missing an id', encoded(['label', false, '0', 'a'])],
    ['carrying an invalid uuid', encoded(['label', false, '0', 'a', 'x'])],
    ['carrying text as its number', encoded(['label', false, 'x', 'a', id])],
    ['carrying a number over 2^53 - 1', encoded(['label', false, '9007199254740992', 'a', id])],
    ['carrying a negative number', encoded(['label', false, '-2', 'a', id])],
    ['carrying an enormous number', encoded(['label', false, '9'.repeat(30), 'a', id])],
    ['carrying a NUL', encoded(['label', false, '0', '\u0000', id])],
  ])('that is %s is refused over HTTP and RPC', async (_, cursor) => {
    const ways = calls.list(owner, { sort: 'label', limit: 1, cursor });
    await expectSameRefusal(ways, 400, 'invalid_request', 'cursor');
  });

  it('of another user returns none of their keys', async () => {
    const other = await newUser();
    const { cursor } = await askBy.rpc(calls.list(owner, { sort: 'label', limit: 1 }));
    const { items } = await expectSameAnswer(calls.list(other, { sort: 'label', cursor }));
    expect(items).toEqual([]);
  });
});
