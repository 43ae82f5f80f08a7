import { expect } from 'vitest';
import type { Database } from '../../supabase/functions/_shared/database.types.ts';
import { snakeCase } from '../../supabase/functions/_shared/field-names.ts';
import { request } from '../support/personas.ts';
import { type BothWays, type Caller, inCamelCase } from './both-ways.ts';

/** Parameters as HTTP names them. */
export type Query = Record<string, string | number | boolean>;

function ask(
  by: Caller,
  path: string,
  rpc: keyof Database['public']['Functions'],
  query: Query,
  args: Record<string, string> = {},
  accept?: string,
): BothWays {
  const search = new URLSearchParams(query as Record<string, string>);
  const named = Object.entries(query).map(([name, value]) => [snakeCase(name), value]);
  return {
    route: () =>
      request('GET', `${path}?${search}`, {
        ...(by.token === undefined ? {} : { token: by.token }),
        ...(accept === undefined ? {} : { headers: { Accept: accept } }),
      }),
    rpc: () => by.supabase.rpc(rpc, { ...args, ...Object.fromEntries(named) } as never),
  };
}

/** What reads usage, each as a route and as an RPC; `id` names a key where one is needed. */
export const readingUsage = {
  events: (by: Caller, query: Query, id = '') =>
    ask(by, `/api/v1/proxy/keys/${encodeURIComponent(id)}/events`, 'list_proxy_key_events', query, {
      id,
    }),
  csv: (by: Caller, query: Query, id = '') =>
    ask(
      by,
      `/api/v1/proxy/keys/${encodeURIComponent(id)}/events`,
      'export_proxy_key_events',
      query,
      { id },
      'text/csv',
    ),
  month: (by: Caller, query: Query) => ask(by, '/api/v1/proxy/usage', 'proxy_usage_summary', query),
  byKey: (by: Caller, query: Query) =>
    ask(by, '/api/v1/proxy/usage/keys', 'proxy_usage_by_key', query),
  series: (by: Caller, query: Query) =>
    ask(by, '/api/v1/proxy/usage/series', 'proxy_usage_series', query),
};

/** What both ways answer alike: the rows of a list with the cursor of its next page, or the body. */
export interface SameAnswer {
  body: unknown;
  cursor: string | null;
}

/** Both ways succeed with the same, in camelCase and with times in UTC; returns what they say. */
export async function expectSameAnswer({ route, rpc }: BothWays): Promise<SameAnswer> {
  const [response, { data, error }] = await Promise.all([route(), rpc()]);
  expect(error).toBeNull();
  expect(response.status).toBe(200);
  const [body, row] = [(await response.json()) as object, inCamelCase(data)];
  const link = /^<\?([^>]*)>; rel="next"$/.exec(response.headers.get('Link') ?? '')?.[1];
  const cursor = link === undefined ? null : new URLSearchParams(link).get('cursor');
  // SQL may say more than HTTP
  expect(row).toMatchObject(Array.isArray(body) ? { items: body, nextCursor: cursor } : body);
  return { body, cursor };
}
