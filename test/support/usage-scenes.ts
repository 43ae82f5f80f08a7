import type { Sql } from 'postgres';
import { expect } from 'vitest';
import type { components, operations } from '../../client/api.types.ts';
import { makeEvent, type UsageEvent } from './event-scenes.ts';
import type { Persona } from './personas.ts';
import { recordUsage } from './usage-events.ts';

export type UsageSeries = components['schemas']['UsageSeries'];
export type KeyUsage = components['schemas']['KeyUsage'];

export type SeriesQuery = operations['getUsageSeries']['parameters']['query'];
export type ByKeyQuery = NonNullable<operations['listUsageByKey']['parameters']['query']>;

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** A month as `YYYY-MM`, this many months from now (UTC). */
export function period(ahead: number): string {
  const now = new Date();
  const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead));
  return month.toISOString().slice(0, 7);
}

/** The first day of such a month, as `2026-07-01`. */
export const monthFromNow = (ahead: number) => `${period(ahead)}-01`;

/** A day (UTC), this many days from today, as `2026-07-31`. */
export function dayFromNow(ahead: number): string {
  return new Date(Date.now() + ahead * dayMs).toISOString().slice(0, 10);
}

/** The name of a day's partition of the events. */
export const partitionOf = (day: string) =>
  `proxy_private.proxy_usage_events_${day.replaceAll('-', '_')}`;

/** The start of a month. */
export function beginOf(month: string): Date {
  return new Date(`${month}-01T00:00:00.000Z`);
}

/** Reports events as a gateway does; all of them must be accepted. */
export async function report(
  gateway: Sql,
  apiKeyId: string,
  events: Partial<UsageEvent>[],
): Promise<UsageEvent[]> {
  const made = events.map((fields) => makeEvent(apiKeyId, fields));
  const outcome = await recordUsage(gateway, made);
  expect(outcome).toEqual({ recorded: made.length, repeated: 0, rejected: [] });
  return made;
}

/** Adds an hour to the rollups by key and account, and to its month; at any time. */
export async function insertUsage(
  sql: Sql,
  apiKeyId: string,
  at: Date,
  usage: { requests: number; bytesSent: number; bytesReceived: number },
): Promise<void> {
  const { requests, bytesSent, bytesReceived } = usage;
  await sql`
    with hour as (
      insert into proxy_private.proxy_usage_hourly (
        api_key_id, hour, user_id, requests, bytes_sent, bytes_received
      )
      select k.id, date_trunc('hour', ${at}::timestamptz, 'UTC'), k.user_id, ${requests},
        ${bytesSent}, ${bytesReceived}
      from proxy_private.proxy_keys as k where k.id = ${apiKeyId}
    ),
    account_hour as (
      insert into proxy_private.proxy_account_hourly as h (
        user_id, hour, live_mode, requests, bytes_sent, bytes_received
      )
      select k.user_id, date_trunc('hour', ${at}::timestamptz, 'UTC'), k.live_mode, ${requests},
        ${bytesSent}, ${bytesReceived}
      from proxy_private.proxy_keys as k where k.id = ${apiKeyId}
      on conflict (user_id, hour, live_mode) do update set
        requests = h.requests + excluded.requests,
        bytes_sent = h.bytes_sent + excluded.bytes_sent,
        bytes_received = h.bytes_received + excluded.bytes_received
    ),
    account_month as (
      insert into proxy_private.proxy_account_monthly as m (
        user_id, month, tier, live_mode, requests, bytes_sent, bytes_received
      )
      select k.user_id, date_trunc('month', ${at}::timestamptz at time zone 'UTC')::date, k.tier,
        k.live_mode, ${requests}, ${bytesSent}, ${bytesReceived}
      from proxy_private.proxy_keys as k where k.id = ${apiKeyId}
      on conflict (user_id, month, tier, live_mode) do update set
        requests = m.requests + excluded.requests,
        bytes_sent = m.bytes_sent + excluded.bytes_sent,
        bytes_received = m.bytes_received + excluded.bytes_received
    ),
    user_month as (
      insert into proxy_private.proxy_user_monthly as m (user_id, month, bytes)
      select k.user_id, date_trunc('month', ${at}::timestamptz at time zone 'UTC')::date,
        ${bytesSent}::bigint + ${bytesReceived}::bigint
      from proxy_private.proxy_keys as k where k.id = ${apiKeyId}
      on conflict (user_id, month) do update set bytes = m.bytes + excluded.bytes
    )
    insert into proxy_private.proxy_usage_monthly as m (
      api_key_id, month, user_id, requests, bytes_sent, bytes_received, last_used_at
    )
    select k.id, date_trunc('month', ${at}::timestamptz at time zone 'UTC')::date, k.user_id,
      ${requests}, ${bytesSent}, ${bytesReceived}, ${at}
    from proxy_private.proxy_keys as k where k.id = ${apiKeyId}
    on conflict (api_key_id, month) do update set
      requests = m.requests + excluded.requests,
      bytes_sent = m.bytes_sent + excluded.bytes_sent,
      bytes_received = m.bytes_received + excluded.bytes_received,
      last_used_at = greatest(m.last_used_at, excluded.last_used_at)`;
}

/** A month, over all keys. */
export async function readMonth(by: Persona, period?: string) {
  const { data, response } = await by.api.GET('/api/v1/proxy/usage', {
    params: { query: period === undefined ? {} : { period } },
  });
  expect(response.status).toBe(200);
  if (!data) throw new Error('a success without a body');
  return data;
}

/** A month by key, and the link to the next page. */
export async function readByKey(by: Persona, query: ByKeyQuery = {}) {
  const { data, response } = await by.api.GET('/api/v1/proxy/usage/keys', { params: { query } });
  expect(response.status).toBe(200);
  if (!data) throw new Error('a success without a body');
  return { keys: data, link: response.headers.get('Link') };
}

/** Usage by hour or day. */
export async function readSeries(by: Persona, query: SeriesQuery): Promise<UsageSeries> {
  const { data, error } = await by.api.GET('/api/v1/proxy/usage/series', { params: { query } });
  if (!data) throw new Error(JSON.stringify(error));
  return data;
}

/** The sum of points, keys or events. */
export function sumUp(
  rows: { requests?: number; count?: number; bytesSent: number; bytesReceived: number }[],
) {
  const sum = { requests: 0, bytesSent: 0, bytesReceived: 0 };
  for (const { requests, count, bytesSent, bytesReceived } of rows) {
    sum.requests += requests ?? count ?? 1;
    sum.bytesSent += bytesSent;
    sum.bytesReceived += bytesReceived;
  }
  return sum;
}
