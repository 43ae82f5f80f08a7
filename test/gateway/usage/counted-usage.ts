import type postgres from 'postgres';
import type { SeededKey } from '../../support/seeded-keys.ts';

/** The sum of the events of one target. */
export interface CountedUsage {
  sent: number;
  received: number;
  /** The counts of its rows, in the order of their hours. */
  counts: number[];
  hours: number;
  eventIds: string[];
  longestMs: number;
  statuses: number[];
  /** The ids of the keys. */
  keys: string[];
}

/** The recorded usage of some keys, by target host. */
export async function usageByTarget(
  sql: postgres.Sql,
  keys: SeededKey[],
): Promise<Map<string, CountedUsage>> {
  const rows = await sql<(CountedUsage & { host: string })[]>`
    select
      target_host as host, sum(bytes_sent)::float8 as sent,
      sum(bytes_received)::float8 as received, array_agg(count order by occurred_at) as counts,
      count(distinct date_trunc('hour', occurred_at, 'UTC'))::integer as hours,
      array_agg(distinct event_id::text) as "eventIds", max(duration_ms) as "longestMs",
      array_agg(distinct status_code) as statuses, array_agg(distinct api_key_id::text) as keys
    from proxy_private.proxy_usage_events
    where api_key_id in ${sql(keys.map(({ id }) => id))}
    group by target_host`;
  return new Map(rows.map(({ host, ...usage }) => [host, usage]));
}

/** The total usage of some keys: over the events, and over each rollup of the keys or their owner. */
export async function usageTotals(sql: postgres.Sql, keys: SeededKey[]) {
  const ids = keys.map(({ id }) => id);
  const sumUp = async (table: string, column: string, requests: string, of: string[]) => {
    const [row] = await sql`
      select
        sum(${sql(requests)})::integer as requests, sum(bytes_sent)::float8 as sent,
        sum(bytes_received)::float8 as received
      from proxy_private.${sql(table)} where ${sql(column)} in ${sql(of)}`;
    return row;
  };
  const owners = await sql<{ id: string }[]>`
    select distinct user_id as id from proxy_private.proxy_keys where id in ${sql(ids)}`;
  const accounts = owners.map(({ id }) => id);
  const rollups: [table: string, column: string, of: string[]][] = [
    ['proxy_usage_hourly', 'api_key_id', ids],
    ['proxy_usage_monthly', 'api_key_id', ids],
    ['proxy_account_hourly', 'user_id', accounts],
    ['proxy_account_monthly', 'user_id', accounts],
    ['proxy_usage_targets', 'subject', ids],
    ['proxy_usage_targets', 'subject', accounts],
    ['proxy_usage_outcomes', 'subject', ids],
    ['proxy_usage_outcomes', 'subject', accounts],
  ];
  return {
    events: await sumUp('proxy_usage_events', 'api_key_id', 'count', ids),
    rollups: await Promise.all(
      rollups.map(([table, column, of]) => sumUp(table, column, 'requests', of)),
    ),
  };
}

/**
 * Makes a database note each usage report, to detect reports that are sent again. `record_usage`
 * commits its notes together with the usage.
 */
export async function noteReports(sql: postgres.Sql): Promise<void> {
  await sql.unsafe(`
    create table proxy_private.noted_reports (report jsonb not null);
    alter function gateway.record_usage set schema proxy_private;
    create function gateway.record_usage(events jsonb) returns gateway.recorded_usage
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
      insert into proxy_private.noted_reports select e from jsonb_array_elements(record_usage.events) as e;
      return proxy_private.record_usage(record_usage.events);
    end
    $$;
    revoke all on function gateway.record_usage from public;
    grant execute on function gateway.record_usage to proxy_gateway`);
}

/** The number of reports that the database got more than once. */
export async function countReportsTakenAgain(sql: postgres.Sql): Promise<number> {
  const [row] = await sql`
    select count(*)::integer from (
      select from proxy_private.noted_reports group by report having count(*) > 1
    ) as r`;
  return Number(row?.count);
}

/** The number of events of some keys. */
export async function countEvents(sql: postgres.Sql, keys: SeededKey[]): Promise<number> {
  const [row] = await sql`
    select count(*)::integer as count from proxy_private.proxy_usage_events
    where api_key_id in ${sql(keys.map(({ id }) => id))}`;
  return Number(row?.count);
}
