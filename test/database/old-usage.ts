import type postgres from 'postgres';

/** Adds a day with `count` events of 11 bytes, one in its last microsecond, and their rollups. */
export async function fillDay(
  sql: postgres.Sql,
  id: string,
  day: string,
  count: number,
  inPartition = true,
): Promise<void> {
  if (inPartition) await sql`select proxy_private.make_usage_partitions(${day}, ${day})`;
  await sql`
    insert into proxy_private.proxy_usage_events (
      event_id, api_key_id, occurred_at, target_host, method, status_code, bytes_sent,
      bytes_received, duration_ms, served_by_node_id
    )
    select
      gen_random_uuid(), ${id},
      (${day}::date + 1)::timestamp at time zone 'UTC' - n * interval '1 microsecond',
      'a', 'CONNECT', 200, 1, 10, 0, 'n'
    from generate_series(1, ${count}::integer) as n`;
  await sql`select from proxy_private.reconcile_usage(${day})`;
}

/** Sets for how many days events are kept. */
export async function keepDays(sql: postgres.Sql, days: number): Promise<void> {
  await sql`update proxy_private.maintenance_settings set keep_days = ${days}`;
}

/** What retention did with old days, or with one. */
export async function dropOldUsage(sql: postgres.Sql, day: string | null = null) {
  const rows = await sql<Record<string, unknown>[]>`
    select day::text, action, reason, events::integer, bytes::integer, drift::integer
    from proxy_private.drop_old_usage() where day = ${day} or ${day}::text is null`;
  return [...rows];
}
