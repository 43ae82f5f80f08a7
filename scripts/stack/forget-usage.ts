import type postgres from 'postgres';

/** Deletes all events and rollups of every kind, as if no key had been used yet. */
export async function forgetUsage(sql: postgres.Sql): Promise<void> {
  // lists the tables from the catalog, so that no rollup is missed
  const [row] = await sql<{ tables: string }[]>`
    select string_agg(c.oid::regclass::text, ', ') as tables from pg_class as c
    where c.relnamespace = 'proxy_private'::regnamespace and c.relkind in ('r', 'p')
      and not c.relispartition
      and c.relname ~ '^(proxy_usage_.*|proxy_account_(hourly|monthly)|dropped_usage_days)$'`;
  await sql.unsafe(`truncate ${row?.tables}`);
}
