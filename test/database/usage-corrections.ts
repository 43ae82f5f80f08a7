import type postgres from 'postgres';
import type { OwnDatabase } from '../support/own-stack.ts';

/** What reconciling says of a rollup row. */
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
  month: string,
): Promise<Correction[]> {
  const rows = await sql.unsafe<Correction[]>(
    `select
       rollup, found, to_char(period at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') as period,
       requests::text, bytes_sent::text as sent, bytes_received::text as received,
       case when kept_last_used_at <> last_used_at then
         kept_last_used_at - last_used_at
       end::text as "lastUse",
       case when found = 'missing' or kept_user_id is distinct from user_id then user_id end as owner
     from private.${call}($1)`,
    [month],
  );
  return [...rows];
}

/** Repairs a month; returns the drift that there was. */
export function reconcileUsage(sql: postgres.Sql, month: string): Promise<Correction[]> {
  return readCorrections(sql, 'reconcile_usage', month);
}

/** The drift of a month. */
export function readDrift(sql: postgres.Sql, month: string): Promise<Correction[]> {
  return readCorrections(sql, 'usage_drift', month);
}

let year = 1999;
/** A key with four events in May of a year that no other test has; its rollups stand. */
export async function newScene({ sql, newKeys }: OwnDatabase) {
  year += 1;
  const month = `${year}-05-01`;
  const [key] = await newKeys(1);
  const id = key?.id ?? '';
  const times: [time: string, count: number][] = [
    [`${year}-05-01T00:00:00Z`, 1],
    [`${year}-05-20T10:59:59.999999Z`, 1],
    [`${year}-05-20T11:00:00Z`, 0],
    [`${year}-05-31T23:59:59.999999Z`, 1],
  ];
  await sql`select private.make_usage_partitions(${month}, ${month})`;
  await sql`
    insert into private.proxy_usage_events (
      event_id, api_key_id, occurred_at, target_host, method, status_code, bytes_sent,
      bytes_received, duration_ms, served_by_node_id, count
    )
    select gen_random_uuid(), k.id, t::timestamptz, 'a', 'CONNECT', 200, 10, 100, 1,
      'n', s::integer
    from private.proxy_keys as k,
      unnest(${times.map(([time]) => time)}::text[], ${times.map(([, count]) => count)}::integer[])
        as e (t, s)
    where k.id = ${id}`;
  const built = await reconcileUsage(sql, month);
  const [row] = await sql`select user_id from private.proxy_keys where id = ${id}`;
  return { month, year, id, owner: String(row?.user_id), built };
}
