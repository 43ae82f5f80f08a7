import type postgres from 'postgres';
import type { SeededKey } from '../../support/seeded-keys.ts';

/** What the events of one target say together. */
export interface CountedUsage {
  sent: number;
  received: number;
  /** In order. */
  slices: number[];
  tunnelIds: string[];
  statuses: number[];
  /** Their ids. */
  keys: string[];
}

/** What is counted of some keys, by target host. */
export async function usageByTarget(
  sql: postgres.Sql,
  keys: SeededKey[],
): Promise<Map<string, CountedUsage>> {
  const rows = await sql<(CountedUsage & { host: string })[]>`
    select
      target_host as host, sum(bytes_sent)::float8 as sent,
      sum(bytes_received)::float8 as received, array_agg(slice order by slice) as slices,
      array_agg(distinct tunnel_id) as "tunnelIds", array_agg(distinct status_code) as statuses,
      array_agg(distinct api_key_id::text) as keys
    from private.proxy_usage_events
    where api_key_id in ${sql(keys.map(({ id }) => id))}
    group by target_host`;
  return new Map(rows.map(({ host, ...usage }) => [host, usage]));
}

/** What is counted of some keys in all: a sum over the events, and over each rollup. */
export async function usageTotals(sql: postgres.Sql, keys: SeededKey[]) {
  const ids = sql(keys.map(({ id }) => id));
  const [events] = await sql`
    select
      count(*) filter (where slice = 0)::integer as requests, sum(bytes_sent)::float8 as sent,
      sum(bytes_received)::float8 as received
    from private.proxy_usage_events where api_key_id in ${ids}`;
  const rollup = async (table: 'proxy_usage_hourly' | 'proxy_usage_monthly') => {
    const [row] = await sql`
      select
        sum(requests)::integer as requests, sum(bytes_sent)::float8 as sent,
        sum(bytes_received)::float8 as received
      from private.${sql(table)} where api_key_id in ${ids}`;
    return row;
  };
  return {
    events,
    hourly: await rollup('proxy_usage_hourly'),
    monthly: await rollup('proxy_usage_monthly'),
  };
}

/** How many events there are of some keys. */
export async function countEvents(sql: postgres.Sql, keys: SeededKey[]): Promise<number> {
  const [row] = await sql`
    select count(*)::integer as count from private.proxy_usage_events
    where api_key_id in ${sql(keys.map(({ id }) => id))}`;
  return Number(row?.count);
}
