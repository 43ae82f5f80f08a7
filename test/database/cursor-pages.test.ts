import { afterAll, expect, it } from 'vitest';
import { insertKeys } from '../support/key-scenes.ts';
import { connectOwner, newUser } from '../support/personas.ts';
import { asUser } from './database-role.ts';

const sql = connectOwner();
afterAll(() => sql.end());

interface Page {
  items: { id: string; created_at: string }[];
  next_cursor: string | null;
}

/** Reads all of a user's keys in pages, each in its own transaction, while `meanwhile` runs. */
async function readPages(
  userId: string,
  limit: number,
  meanwhile: () => Promise<unknown> = async () => {},
): Promise<Page[]> {
  const pages: Page[] = [];
  let cursor: string | null = null;
  do {
    const [[page]]: [Page[], unknown] = await Promise.all([
      readPage(userId, limit, cursor),
      meanwhile(),
    ]);
    if (!page) throw new Error('list_proxy_keys returned no row');
    pages.push(page);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return pages;
}

function readPage(userId: string, limit: number, cursor: string | null): Promise<Page[]> {
  return asUser(
    sql,
    userId,
    (transaction) => transaction<Page[]>`
      select items, next_cursor from public.list_proxy_keys(${limit}, ${cursor}::text)`,
  );
}

/** Inserts keys anywhere in the list, each created at a random time in the last `seconds`. */
async function insertAmong(userId: string, count: number, seconds: number): Promise<void> {
  await sql`
    insert into proxy_private.proxy_keys (key_id, user_id, label, tier, live_mode, created_at)
    select
      'avp_live_' || encode(extensions.gen_random_bytes(6), 'hex'), ${userId}, 'meanwhile',
      'developer', true, now() - random() * make_interval(secs => ${seconds})
    from generate_series(1, ${count}::integer)`;
}

it('2,000 keys in pages of 20 are each read exactly once, newest first, while others are added', async () => {
  const { id: userId } = await newUser();
  const inserted = await insertKeys(sql, userId, { count: 2_000, deleted: true });
  // as autovacuum does eventually: with a table that seems empty, each page sorts all keys
  await sql`analyze proxy_private.proxy_keys`;
  const pages = await readPages(userId, 20, () => insertAmong(userId, 5, 2_000));

  const read = pages.flatMap(({ items }) => items);
  const ids = new Set(read.map(({ id }) => id));
  expect(ids.size).toBe(read.length);
  expect(inserted.filter(({ id }) => !ids.has(id))).toEqual([]);
  const times = read.map(({ created_at }) => created_at);
  expect(times).toEqual(times.toSorted().toReversed());
  expect(pages.length).toBeGreaterThan(100);
  expect(read.length).toBeGreaterThan(2_000);
  expect(pages.slice(0, -1).every(({ items }) => items.length === 20)).toBe(true);
});

it('keys with the same creation time are each read once, whatever the page size', async () => {
  const { id: userId } = await newUser();
  const inserted = await insertKeys(sql, userId, { count: 50 });
  await sql`
    update proxy_private.proxy_keys set created_at = '2026-05-05T05:05:05.555555Z'
    where user_id = ${userId}`;
  for (const limit of [1, 7, 25, 49, 50, 200]) {
    const pages = await readPages(userId, limit);
    const ids = pages.flatMap(({ items }) => items.map(({ id }) => id));
    expect(ids).toEqual(
      inserted
        .map(({ id }) => id)
        .toSorted()
        .toReversed(),
    );
    expect(pages).toHaveLength(Math.ceil(50 / limit));
  }
});

it('keys created a microsecond apart keep their order', async () => {
  const { id: userId } = await newUser();
  await insertKeys(sql, userId, { count: 12 });
  await sql`
    update proxy_private.proxy_keys
    set created_at = timestamptz '2026-05-05T05:05:05.999995Z'
      + (split_part(label, ' ', 2)::integer * interval '1 microsecond')
    where user_id = ${userId}`;
  const pages = await readPages(userId, 1);
  expect(pages.map(({ items }) => items[0]?.created_at.slice(17, 26))).toEqual([
    ...['06.000007', '06.000006', '06.000005', '06.000004', '06.000003', '06.000002'],
    ...['06.000001', '06+00:00', '05.999999', '05.999998', '05.999997', '05.999996'],
  ]);
});

it('a key that is deleted between two pages is still read once', async () => {
  const owner = await newUser();
  const inserted = await insertKeys(sql, owner.id, { count: 9 });
  const pages = await readPages(
    owner.id,
    3,
    () => sql`
      update proxy_private.proxy_keys set deleted_at = now()
      where id in (
        select id from proxy_private.proxy_keys where user_id = ${owner.id} and deleted_at is null limit 3
      )`,
  );
  expect(pages.flatMap(({ items }) => items.map(({ id }) => id)).toSorted()).toEqual(
    inserted.map(({ id }) => id).toSorted(),
  );
});
