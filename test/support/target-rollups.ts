import type postgres from 'postgres';

export interface TargetRow {
  day: string;
  kind: 'host' | 'site' | 'other';
  name: string;
  site: string | null;
  requests: number;
  errors: number;
  bytesSent: number;
  bytesReceived: number;
  billedBytes: number;
}

/** The rollups by target of a key or user: hosts, then sites, then other. */
export async function readTargets(sql: postgres.Sql, subject: string): Promise<TargetRow[]> {
  const rows = await sql<TargetRow[]>`
    select
      day::text, (array['host', 'site', 'other'])[kind + 1] as kind, name, right(name, site_length) as site,
      requests::float8, errors::float8, bytes_sent::float8 as "bytesSent",
      bytes_received::float8 as "bytesReceived", billed_bytes::float8 as "billedBytes"
    from proxy_private.proxy_usage_targets as t where subject = ${subject} order by day, t.kind, name`;
  return [...rows];
}

export interface OutcomeRow {
  hour: string;
  outcome: string;
  requests: number;
  bytesSent: number;
  bytesReceived: number;
  billedBytes: number;
}

/** The rollups by outcome of a key or user. */
export async function readOutcomes(sql: postgres.Sql, subject: string): Promise<OutcomeRow[]> {
  const rows = await sql<OutcomeRow[]>`
    select
      to_char(hour at time zone 'UTC', 'YYYY-MM-DD HH24') as hour, outcome, requests::float8,
      bytes_sent::float8 as "bytesSent", bytes_received::float8 as "bytesReceived",
      billed_bytes::float8 as "billedBytes"
    from proxy_private.proxy_usage_outcomes where subject = ${subject} order by hour, outcome`;
  return [...rows];
}

/**
 * Days of keys and their users where the rollups by target do not match the events, and hours and
 * outcomes where the rollup does not match. For codes that are outcomes.
 */
export async function findTargetDrift(
  sql: postgres.Sql,
  apiKeyIds: string[],
  userIds: string[],
): Promise<unknown[]> {
  const drift = await sql`
    with events as (
      select e.*, s.subject,
        case when k.live_mode then bytes_sent + bytes_received else 0 end as billed_bytes,
        code in ('target_unreachable', 'target_timeout', 'target_response_invalid') as failed,
        code is null or bytes_sent + bytes_received > 0 or code in (
          'target_unreachable', 'target_timeout', 'target_response_invalid', 'client_closed_request'
        ) as counts
      from proxy_private.proxy_usage_events as e
      join proxy_private.proxy_keys as k on k.id = e.api_key_id
      cross join lateral (values (k.id), (k.user_id)) as s (subject)
      where k.id = any(${apiKeyIds}) or k.user_id = any(${userIds})
    ),
    counted as (
      select
        subject, date_trunc('day', occurred_at, 'UTC') as period, null as outcome, sum(count) as requests,
        coalesce(sum(count) filter (where failed), 0) as errors, sum(bytes_sent) as bytes_sent,
        sum(bytes_received) as bytes_received, sum(billed_bytes) as billed_bytes
      from events where counts
      group by 1, 2
      having (sum(count), sum(bytes_sent), sum(bytes_received)) <> (0, 0, 0)
      union all
      select
        subject, date_trunc('hour', occurred_at, 'UTC'), coalesce(code, 'ok'), sum(count), null,
        sum(bytes_sent), sum(bytes_received), sum(billed_bytes)
      from events group by 1, 2, 3
      having (sum(count), sum(bytes_sent), sum(bytes_received)) <> (0, 0, 0)
    ),
    kept as (
      select
        subject, day::timestamp at time zone 'UTC', null, sum(requests), sum(errors), sum(bytes_sent),
        sum(bytes_received), sum(billed_bytes)
      from proxy_private.proxy_usage_targets group by 1, 2
      union all
      select subject, hour, outcome, requests, null, bytes_sent, bytes_received, billed_bytes
      from proxy_private.proxy_usage_outcomes where (requests, bytes_sent, bytes_received) <> (0, 0, 0)
    ),
    own as (
      select k.* from kept as k where k.subject = any(${[...apiKeyIds, ...userIds]})
    )
    (select 'not kept' as drift, * from (table counted except all table own) as a)
    union all
    (select 'not counted', * from (table own except all table counted) as b)`;
  return [...drift];
}
