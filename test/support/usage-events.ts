import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';

/** An event as the gateway reports it: defaults, overridden by `fields`. */
export function usageEvent(apiKeyId: string, fields: Record<string, unknown> = {}) {
  return {
    eventId: randomUUID() as string,
    apiKeyId,
    occurredAt: new Date().toISOString(),
    targetHost: 'shop.example.com',
    method: 'CONNECT',
    statusCode: 200,
    bytesSent: 100,
    bytesReceived: 1000,
    durationMs: 50,
    servedByNodeId: 'node-1',
    ...fields,
  };
}

/** The end of an event. */
export function endOf(event: { occurredAt: string; durationMs: number }): string {
  return new Date(Date.parse(event.occurredAt) + event.durationMs).toISOString();
}

export interface RecordedUsage {
  recorded: number;
  repeated: number;
  rejected: { index: number; eventId: unknown; reason: string }[];
}

/** Reports events as the gateway does. */
export async function recordUsage(gateway: postgres.Sql, events: unknown): Promise<RecordedUsage> {
  const [outcome] = await gateway<RecordedUsage[]>`
    select recorded, repeated, rejected
    from gateway.record_usage(${JSON.stringify(events)}::text::jsonb)`;
  if (!outcome) throw new Error('record_usage answered with no row');
  return outcome;
}

/** A rollup row; numbers are text, because some are too large for a double. */
export interface Rollup {
  period: string;
  requests: string;
  bytesSent: string;
  bytesReceived: string;
}

/** A key's rollups by hour or by month, oldest first; hours in UTC. */
export function readRollups(
  sql: postgres.Sql,
  apiKeyId: string,
  by: 'hour' | 'month',
): Promise<Rollup[]> {
  const table = sql(by === 'hour' ? 'proxy_usage_hourly' : 'proxy_usage_monthly');
  const period =
    by === 'hour' ? sql`to_char(hour at time zone 'UTC', 'YYYY-MM-DD HH24:MI')` : sql`month::text`;
  return sql<Rollup[]>`
    select
      ${period} as period,
      requests::text, bytes_sent::text as "bytesSent", bytes_received::text as "bytesReceived"
    from proxy_private.${table} where api_key_id = ${apiKeyId} order by 1`;
}

/** The highest value of a rollup figure. */
export const mostBytes = 2 ** 53 - 1;

/** Rollup rows that differ from a recount of the keys' events, in either direction. */
export async function findDrift(sql: postgres.Sql, apiKeyIds: string[]): Promise<unknown[]> {
  const drift = await sql`
    with used as (
      select * from proxy_private.proxy_usage_events
      where api_key_id = any(${apiKeyIds}) and (
        code is null or bytes_sent + bytes_received > 0 or code in (
          'target_unreachable', 'target_timeout', 'target_response_invalid', 'client_closed_request'
        )
      )
    ),
    counted as (
      select
        'hour' as span, api_key_id, date_trunc('hour', occurred_at, 'UTC') as period,
        sum(count) as requests,
        least(sum(bytes_sent), ${mostBytes}::bigint) as bytes_sent,
        least(sum(bytes_received), ${mostBytes}::bigint) as bytes_received,
        null as last_used_at
      from used group by 2, 3
      union all
      select
        'month', api_key_id, date_trunc('month', occurred_at, 'UTC'),
        sum(count), least(sum(bytes_sent), ${mostBytes}::bigint),
        least(sum(bytes_received), ${mostBytes}::bigint), max(occurred_at + duration_ms * interval '1 ms')
      from used group by 2, 3
    ),
    kept as (
      select 'hour', api_key_id, hour, requests, bytes_sent, bytes_received, null
      from proxy_private.proxy_usage_hourly where api_key_id = any(${apiKeyIds})
      union all
      select
        'month', api_key_id, month::timestamp at time zone 'UTC', requests, bytes_sent,
        bytes_received, last_used_at
      from proxy_private.proxy_usage_monthly where api_key_id = any(${apiKeyIds})
    )
    (select 'not kept' as drift, * from (table counted except all table kept) as a)
    union all
    (select 'not counted', * from (table kept except all table counted) as b)`;
  return [...drift];
}

/** Account rollups that differ from the sum of their keys' rollups. */
export async function findAccountDrift(sql: postgres.Sql, userIds: string[]): Promise<unknown[]> {
  const drift = await sql`
    with by_key as (
      select 'hour' as span, k.user_id, u.hour as period, null as tier, k.live_mode, u.requests,
        u.bytes_sent, u.bytes_received
      from proxy_private.proxy_usage_hourly as u join proxy_private.proxy_keys as k on k.id = u.api_key_id
      union all
      select 'month', k.user_id, u.month::timestamp at time zone 'UTC', k.tier, k.live_mode,
        u.requests, u.bytes_sent, u.bytes_received
      from proxy_private.proxy_usage_monthly as u join proxy_private.proxy_keys as k on k.id = u.api_key_id
    ),
    summed as (
      select span, user_id, period, tier, live_mode, sum(requests), sum(bytes_sent),
        sum(bytes_received)
      from by_key where user_id = any(${userIds}) group by 1, 2, 3, 4, 5
    ),
    kept as (
      select 'hour', user_id, hour, null, live_mode, requests, bytes_sent, bytes_received
      from proxy_private.proxy_account_hourly where user_id = any(${userIds})
      union all
      select 'month', user_id, month::timestamp at time zone 'UTC', tier, live_mode, requests,
        bytes_sent, bytes_received
      from proxy_private.proxy_account_monthly where user_id = any(${userIds})
    )
    (select 'not kept' as drift, * from (table summed except all table kept) as a)
    union all
    (select 'not summed', * from (table kept except all table summed) as b)`;
  const ofUsers = await sql`
    select 'of a user' as drift, *
    from (
      select user_id, month, least(sum(bytes_sent + bytes_received), ${mostBytes}::bigint) as bytes
      from proxy_private.proxy_account_monthly where user_id = any(${userIds}) group by 1, 2
    ) as a
    full join proxy_private.proxy_user_monthly as u using (user_id, month, bytes)
    where (a.user_id is null or u.user_id is null) and user_id = any(${userIds})`;
  return [...drift, ...ofUsers];
}
