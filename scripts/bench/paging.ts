import type postgres from 'postgres';
import { type Side, timeEach } from './interleave.ts';
import { compare, type Measuring } from './measuring.ts';
import type { BenchUser } from './scene.ts';
import { actAs, connectAsUser } from './user-connection.ts';

const pageSize = 20;

/** A page of a list, starting at a cursor. */
type ReadPage = (cursor: string | null) => postgres.PendingQuery<{ next_cursor: string | null }[]>;

/** Compares a page far down each list to the first page. `busy` has usage events of its `keys`. */
export async function measurePaging(
  measuring: Measuring,
  busy: BenchUser,
  [key = '']: string[],
): Promise<void> {
  const { scene, stack } = measuring;
  const [hoarder] = await scene.newUsers(1);
  if (!hoarder) throw new Error('no user was created');
  const { pages } = measuring.size;
  await scene.newKeys(Array<BenchUser>(pageSize * (pages + 1)).fill(hoarder));
  await measuring.sql`vacuum analyze proxy_private.proxy_keys`;

  const sql = await connectAsUser(stack.dbUrl);
  try {
    await comparePages(measuring, sql, 'keys', hoarder, (cursor) => {
      return sql`select next_cursor from public.list_proxy_keys(${pageSize}, ${cursor})`;
    });
    await comparePages(measuring, sql, 'events', busy, (cursor) => {
      return sql`
        select next_cursor from public.list_proxy_key_events(${key}, ${pageSize}, ${cursor})`;
    });
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function comparePages(
  measuring: Measuring,
  sql: postgres.Sql,
  name: string,
  user: BenchUser,
  read: ReadPage,
): Promise<void> {
  const { pages, statements } = measuring.size;
  await actAs(sql, user);
  let cursor: string | null = null;
  for (let page = 1; page < pages; page += 1) {
    const rows: { next_cursor: string | null }[] = await read(cursor);
    cursor = rows[0]?.next_cursor ?? null;
    if (cursor === null) throw new Error(`the list of ${name} has no page ${page + 1}`);
  }
  const side = (from: string | null): Side => ({
    prepare: () => actAs(sql, user),
    round: () => timeEach(statements, () => read(from)),
  });
  await compare(
    measuring,
    { group: 'flat', name: `${name}: page ${pages}`, against: 'page 1', aim: 1.2 },
    { candidate: side(cursor), baseline: side(null) },
  );
}
