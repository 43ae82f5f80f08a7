import type { Sql } from 'postgres';
import { expect } from 'vitest';
import { z } from 'zod';
import type { components, operations } from '../../client/api.types.ts';
import type { Persona } from './personas.ts';
import { usageEvent } from './usage-events.ts';

/** A usage event as the API returns it. */
export type UsageEvent = components['schemas']['UsageEvent'];

export type EventQuery = NonNullable<operations['listKeyEvents']['parameters']['query']>;

const event = z.strictObject({
  eventId: z.uuid(),
  apiKeyId: z.uuid(),
  occurredAt: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  targetHost: z.string(),
  method: z.string(),
  statusCode: z.int(),
  bytesSent: z.int().nonnegative(),
  bytesReceived: z.int().nonnegative(),
  durationMs: z.int().nonnegative(),
  servedByNodeId: z.string(),
  code: z.string().nullable(),
  count: z.int().nonnegative(),
  billed: z.boolean(),
  howToFix: z.string().nullable(),
});

/** An event of a key: defaults, overridden by `fields`. */
export function makeEvent(apiKeyId: string, fields: Partial<UsageEvent> = {}): UsageEvent {
  // the database decides the hint
  const howToFix = fields.code ? (expect.any(String) as string) : null;
  return { ...usageEvent(apiKeyId), code: null, count: 1, billed: true, howToFix, ...fields };
}

/** Inserts events unchanged, even those that no gateway may report; without rollups. */
export async function insertEvents(sql: Sql, events: UsageEvent[]): Promise<void> {
  await sql`
    insert into proxy_private.proxy_usage_events (
      event_id, api_key_id, occurred_at, target_host, method, status_code, bytes_sent,
      bytes_received, duration_ms, served_by_node_id, code, count
    )
    select
      e."eventId", k.id, e."occurredAt", e."targetHost", e.method, e."statusCode",
      e."bytesSent", e."bytesReceived", e."durationMs", e."servedByNodeId",
      e.code, e.count
    from jsonb_to_recordset(${JSON.stringify(events)}::text::jsonb) as e (
      "eventId" uuid, "apiKeyId" uuid, "occurredAt" timestamptz, "targetHost" text, method text,
      "statusCode" smallint, "bytesSent" bigint, "bytesReceived" bigint, "durationMs" integer,
      "servedByNodeId" text, code text,
      count integer
    )
    join proxy_private.proxy_keys as k on k.id = e."apiKeyId"`;
}

/** The moment this many microseconds later, in the form that the database takes. */
export function microsecondsAfter(moment: string, microseconds: number): string {
  return moment.replace(/\.(\d{3})Z$/, (_, ms: string) => {
    return `.${(Number(ms) * 1000 + microseconds).toString().padStart(6, '0')}Z`;
  });
}

/** A page of a key's events, and the link to the next page. */
export async function readEvents(
  by: Persona,
  id: string,
  query: EventQuery = {},
): Promise<{ events: UsageEvent[]; link: string | null }> {
  const { data, response } = await by.api.GET('/api/v1/proxy/keys/{id}/events', {
    params: { path: { id }, query },
  });
  expect(response.status).toBe(200);
  expect(response.headers.get('Content-Type')).toBe('application/json');
  return { events: z.array(event).parse(data), link: response.headers.get('Link') };
}

/** All pages from the first one on, each found by the `Link` of the page before it. */
export async function followLinks(
  by: Persona,
  id: string,
  query: EventQuery,
): Promise<UsageEvent[][]> {
  const pages: UsageEvent[][] = [];
  const path = `/api/v1/proxy/keys/${id}/events`;
  let search: string | undefined = `?${new URLSearchParams(query as Record<string, string>)}`;
  while (search !== undefined) {
    const response = await by.request('GET', `${path}${search}`);
    expect(response.status).toBe(200);
    pages.push(z.array(event).parse(await response.json()));
    const link = response.headers.get('Link');
    search = link === null ? undefined : /^<(\?[^>]+)>; rel="next"$/.exec(link)?.[1];
    if (link !== null) expect(search, link).toBeDefined();
  }
  return pages;
}
