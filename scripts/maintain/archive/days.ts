import type postgres from 'postgres';

/** What a day's events and their archive are compared by: decimal, as they may be past 2^53. */
export interface Totals {
  events: string;
  bytesSent: string;
  bytesReceived: string;
}

/** Whether both are of the same events. */
export function sameTotals(one: Totals, other: Totals): boolean {
  return (
    one.events === other.events &&
    one.bytesSent === other.bytesSent &&
    one.bytesReceived === other.bytesReceived
  );
}

/** A day's totals for a person. */
export function describeTotals({ events, bytesSent, bytesReceived }: Totals): string {
  return `${events} events of ${BigInt(bytesSent) + BigInt(bytesReceived)} bytes`;
}

/**
 * The days that ended an hour ago or earlier, as `2026-11-28`, oldest first, whose archive is missing or
 * may be stale: reconciling, which notices every change of a day's events, has looked at them since. Of
 * those that retention is about to drop each is counted.
 */
export async function findDays(sql: postgres.ISql): Promise<string[]> {
  const rows = await sql<{ day: string }[]>`
    select d.day::text as day
    from proxy_private.partitioned_usage_days() as d (day)
    cross join proxy_private.maintenance_settings as s
    left join proxy_private.archived_usage_days as a on a.day = d.day
    left join proxy_private.reconciled_usage_days as r on r.day = d.day
    where (d.day + 1)::timestamp at time zone 'UTC' <= now() - interval '1 hour'
      -- what was dropped and put back may be a part of the day
      and not exists (select from proxy_private.dropped_usage_days as p where p.day = d.day)
      and (
        a.day is null
        or r.checked_at >= a.archived_at
        or d.day <= (now() at time zone 'UTC')::date - s.keep_days
      )
    order by d.day`;
  return rows.map(({ day }) => day);
}

/** Lets no other run archive until the transaction ends. Fails (55P03) where one does. */
export async function lockArchive(sql: postgres.ISql): Promise<void> {
  await sql`lock table proxy_private.archived_usage_days in share row exclusive mode nowait`;
}

/** Whether the lock is still ours: a connection that was lost is replaced without a word. */
export async function holdsArchive(sql: postgres.ISql): Promise<boolean> {
  const held = await sql`
    select from pg_locks
    where pid = pg_backend_pid() and relation = 'proxy_private.archived_usage_days'::regclass
      and mode = 'ShareRowExclusiveLock'`;
  return held.length > 0;
}

/** A day in the transaction's snapshot. */
export interface DayState extends Totals {
  /** Rows of rollups that its events do not give. */
  drift: string;
  /** What its archive holds, and where it is, if there is one. */
  archived: (Totals & { location: string }) | null;
}

/** Reads it; null for a day that retention has dropped meanwhile. */
export async function readDay(sql: postgres.ISql, day: string): Promise<DayState | null> {
  const [there] = await sql`select from proxy_private.dropped_usage_days where day = ${day}`;
  if (there) return null;
  const [state] = await sql<DayState[]>`
    select
      t.*,
      (select count(*)::text from proxy_private.usage_drift(${day})) as drift,
      (
        select jsonb_build_object(
          'events', a.events::text,
          'bytesSent', a.bytes_sent::text,
          'bytesReceived', a.bytes_received::text,
          'location', a.location
        )
        from proxy_private.archived_usage_days as a where a.day = ${day}
      ) as archived
    from (
      select
        count(*)::text as events,
        coalesce(sum(e.bytes_sent), 0)::text as "bytesSent",
        coalesce(sum(e.bytes_received), 0)::text as "bytesReceived"
      from proxy_private.proxy_usage_events as e
      where e.occurred_at >= ${day}::timestamp at time zone 'UTC'
        and e.occurred_at < ${day}::timestamp at time zone 'UTC' + interval '24 hours'
    ) as t`;
  return state ?? null;
}

/**
 * Notes in the database what the archive of a day holds, and where, as of when the transaction began: what
 * is checked after that may have changed since.
 */
export async function noteArchived(
  sql: postgres.ISql,
  day: string,
  { events, bytesSent, bytesReceived }: Totals,
  location: string,
): Promise<void> {
  await sql`
    insert into proxy_private.archived_usage_days as a (
      day, archived_at, events, bytes_sent, bytes_received, location
    )
    values (
      ${day}, now(), ${events}, ${bytesSent}, ${bytesReceived}, ${location}
    )
    on conflict (day) do update set
      archived_at = excluded.archived_at,
      events = excluded.events,
      bytes_sent = excluded.bytes_sent,
      bytes_received = excluded.bytes_received,
      location = excluded.location`;
}
