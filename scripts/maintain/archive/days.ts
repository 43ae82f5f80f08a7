import type postgres from 'postgres';

/** Totals for comparing a day's events with their archive. Decimal text, as they may exceed 2^53. */
export interface Totals {
  events: string;
  bytesSent: string;
  bytesReceived: string;
}

/** Whether both describe the same events. */
export function sameTotals(one: Totals, other: Totals): boolean {
  return (
    one.events === other.events &&
    one.bytesSent === other.bytesSent &&
    one.bytesReceived === other.bytesReceived
  );
}

/** Formats a day's totals for a report. */
export function describeTotals({ events, bytesSent, bytesReceived }: Totals): string {
  return `${events} events of ${BigInt(bytesSent) + BigInt(bytesReceived)} bytes`;
}

/**
 * Finds the days (such as `2026-11-28`) that ended at least an hour ago and whose archive is missing or may
 * be stale, oldest first. An archive may be stale if reconciliation, which notices every change of a day's
 * events, checked the day afterwards. Days that retention is about to drop are always included.
 */
export async function findDays(sql: postgres.ISql): Promise<string[]> {
  const rows = await sql<{ day: string }[]>`
    select d.day::text as day
    from proxy_private.partitioned_usage_days() as d (day)
    cross join proxy_private.maintenance_settings as s
    left join proxy_private.archived_usage_days as a on a.day = d.day
    left join proxy_private.reconciled_usage_days as r on r.day = d.day
    where (d.day + 1)::timestamp at time zone 'UTC' <= now() - interval '1 hour'
      -- a day that was dropped and restored may be incomplete
      and not exists (select from proxy_private.dropped_usage_days as p where p.day = d.day)
      and (
        a.day is null
        or r.checked_at >= a.archived_at
        or d.day <= (now() at time zone 'UTC')::date - s.keep_days
      )
    order by d.day`;
  return rows.map(({ day }) => day);
}

/** Locks out other archive runs until the transaction ends. Fails (55P03) if another run holds the lock. */
export async function lockArchive(sql: postgres.ISql): Promise<void> {
  await sql`lock table proxy_private.archived_usage_days in share row exclusive mode nowait`;
}

/** Whether this session still holds the lock: the driver silently replaces a lost connection. */
export async function holdsArchive(sql: postgres.ISql): Promise<boolean> {
  const held = await sql`
    select from pg_locks
    where pid = pg_backend_pid() and relation = 'proxy_private.archived_usage_days'::regclass
      and mode = 'ShareRowExclusiveLock'`;
  return held.length > 0;
}

/** A day in the transaction's snapshot. */
export interface DayState extends Totals {
  /** The number of rollup rows that do not match its events. */
  drift: string;
  /** The totals and location of its archive, if any. */
  archived: (Totals & { location: string }) | null;
}

/** Reads a day's state; null if retention has dropped it in the meantime. */
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
 * Records the totals and location of a day's archive, as of the start of the transaction: a day that is
 * checked after that may have changed.
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
