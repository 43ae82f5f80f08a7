import type postgres from 'postgres';
import type { OwnDatabase } from '../support/own-stack.ts';

/** A correction that reconciling reports for a row of the rollups by key. */
export interface Correction {
  rollup: string;
  found: string;
  /** In UTC, to the microsecond. */
  period: string;
  requests: string;
  sent: string;
  received: string;
  lastUse: string | null;
  owner: string | null;
}

async function readCorrections(
  sql: postgres.Sql,
  call: string,
  day: string,
): Promise<Correction[]> {
  const rows = await sql.unsafe<Correction[]>(
    `select
       rollup, found, to_char(period at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') as period,
       requests::text, bytes_sent::text as sent, bytes_received::text as received,
       case when kept_last_used_at <> last_used_at then
         kept_last_used_at - last_used_at
       end::text as "lastUse",
       case when found = 'missing' or kept_user_id is distinct from user_id then user_id end as owner
     from proxy_private.${call}($1)
     where rollup in ('hourly', 'monthly')`,
    [day],
  );
  return [...rows];
}

/** Repairs a day and its month; returns the drift that was found. */
export function reconcileUsage(sql: postgres.Sql, day: string): Promise<Correction[]> {
  return readCorrections(sql, 'reconcile_usage', day);
}

/** The drift of a day. */
export function readDrift(sql: postgres.Sql, day: string): Promise<Correction[]> {
  return readCorrections(sql, 'usage_drift', day);
}

/** The drift of a month against its hours. */
export function readMonthDrift(sql: postgres.Sql, day: string): Promise<Correction[]> {
  return readCorrections(sql, 'usage_month_drift', day);
}

let year = 1999;
/**
 * A key with four events on a day in May of a year that no other test uses, with correct rollups.
 */
export async function newScene({ sql, newKeys }: OwnDatabase) {
  year += 1;
  const day = `${year}-05-20`;
  const [key] = await newKeys(1);
  const id = key?.id ?? '';
  const times: [time: string, count: number][] = [
    [`${day}T00:00:00Z`, 1],
    [`${day}T10:59:59.999999Z`, 1],
    [`${day}T11:00:00Z`, 0],
    [`${day}T23:59:59.999999Z`, 1],
  ];
  await sql`select proxy_private.make_usage_partitions(${day}, ${day})`;
  await sql`
    insert into proxy_private.proxy_usage_events (
      event_id, api_key_id, occurred_at, target_host, method, status_code, bytes_sent,
      bytes_received, duration_ms, served_by_node_id, count
    )
    select gen_random_uuid(), k.id, t::timestamptz, 'a', 'CONNECT', 200, 10, 100, 1,
      'n', s::integer
    from proxy_private.proxy_keys as k,
      unnest(${times.map(([time]) => time)}::text[], ${times.map(([, count]) => count)}::integer[])
        as e (t, s)
    where k.id = ${id}`;
  const built = await reconcileUsage(sql, day);
  const [row] = await sql`select user_id from proxy_private.proxy_keys where id = ${id}`;
  return { day, year, id, owner: String(row?.user_id), built };
}
