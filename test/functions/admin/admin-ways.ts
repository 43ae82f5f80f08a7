import type { Database } from '../../../supabase/functions/_shared/database.types.ts';
import { camelCase, snakeCase } from '../../../supabase/functions/_shared/field-names.ts';
import type { Persona } from '../../support/personas.ts';

/** Fields as HTTP spells them, of any type: also what the typed clients would not let through. */
export type Fields = Record<string, unknown>;

/** What whoever asks is told, in the same terms by either way in. */
export interface AdminAnswer {
  status: number;
  /** The stable code of a refusal. */
  code: string | null;
  /** The field that was refused. */
  field: string | null;
  /** The key or the grant, in camelCase. */
  data: Fields | null;
  /** The rows of a list. */
  items: Fields[];
  /** Where the next page of a list begins. */
  cursor: string | null;
}

/** What admins do, by one way in. */
export interface AdminWay {
  find(by: Persona, query?: Fields): Promise<AdminAnswer>;
  suspend(by: Persona, id: string, fields: Fields): Promise<AdminAnswer>;
  reactivate(by: Persona, id: string, fields?: Fields): Promise<AdminAnswer>;
  limit(by: Persona, id: string, fields: Fields): Promise<AdminAnswer>;
  listGrants(by: Persona, query?: Fields): Promise<AdminAnswer>;
  grant(by: Persona, fields: Fields): Promise<AdminAnswer>;
  revoke(by: Persona, fields: Fields): Promise<AdminAnswer>;
}

const pathOf = (id: string) => `/admin/proxy/keys/${encodeURIComponent(id)}`;

const route: AdminWay = {
  find: (by, query) => overHttp(by, 'GET', `/admin/proxy/keys${searchOf(query)}`),
  suspend: (by, id, fields) => overHttp(by, 'POST', `${pathOf(id)}/suspend`, fields),
  reactivate: (by, id, fields) => overHttp(by, 'POST', `${pathOf(id)}/reactivate`, fields),
  limit: (by, id, fields) => overHttp(by, 'PUT', `${pathOf(id)}/limits`, fields),
  listGrants: (by, query) => overHttp(by, 'GET', `/admin/proxy/grants${searchOf(query)}`),
  grant: (by, fields) => overHttp(by, 'POST', '/admin/proxy/grants', fields),
  revoke: (by, fields) => overHttp(by, 'POST', '/admin/proxy/grants/revoke', fields),
};

const rpc: AdminWay = {
  find: (by, query) => overRpc(by, 'find_proxy_keys', query),
  suspend: (by, id, fields) => overRpc(by, 'suspend_proxy_key', { id, ...fields }),
  reactivate: (by, id, fields) => overRpc(by, 'reactivate_proxy_key', { id, ...fields }),
  limit: (by, id, fields) => overRpc(by, 'set_proxy_key_limits', { id, ...fields }),
  listGrants: (by, query) => overRpc(by, 'list_proxy_tier_grants', query),
  grant: (by, fields) => overRpc(by, 'grant_proxy_tier', fields),
  revoke: (by, fields) => overRpc(by, 'revoke_proxy_tier', fields),
};

/** The admins' routes, and supabase-js calling the database's functions. */
export const adminWays = { route, rpc };

/** The query of a list, with its question mark. */
function searchOf(query: Fields = {}): string {
  const texts = Object.entries(query).map(([name, value]): [string, string] => [
    name,
    String(value),
  ]);
  return `?${new URLSearchParams(texts)}`;
}

async function overHttp(
  by: Persona,
  method: string,
  path: string,
  fields?: Fields,
): Promise<AdminAnswer> {
  const response = await by.request(method, path, fields);
  const text = await response.text();
  const body: unknown = text === '' ? null : JSON.parse(text);
  const [, search = ''] = /^<\?(.*)>; rel="next"$/.exec(response.headers.get('Link') ?? '') ?? [];
  const { code, errors, key, grant } = (Array.isArray(body) ? {} : (body ?? {})) as {
    code?: string;
    errors?: { path: string }[];
    key?: Fields;
    grant?: Fields;
  };
  return {
    status: response.status,
    code: code ?? null,
    field: errors?.[0]?.path ?? null,
    data: key ?? grant ?? null,
    items: Array.isArray(body) ? body : [],
    cursor: new URLSearchParams(search).get('cursor'),
  };
}

async function overRpc(
  { supabase }: Persona,
  name: keyof Database['public']['Functions'],
  fields: Fields = {},
): Promise<AdminAnswer> {
  const { status, data, error } = await supabase.rpc(name, renamed(fields, snakeCase) as never);
  const row = readable(data) as Fields | null;
  const listed = row !== null && Object.hasOwn(row, 'items');
  return {
    status,
    code: error?.hint ?? null,
    field: error?.hint === 'invalid_request' ? camelCase(error.details) : null,
    data: listed ? null : row,
    items: listed ? (row.items as Fields[]) : [],
    cursor: listed ? (row.nextCursor as string | null) : null,
  };
}

function renamed(fields: Fields, rename: (name: string) => string): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [rename(name), value]));
}

/** What a row says, as the routes say it. */
function readable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT.*\+00:00$/.test(value)) {
    return new Date(value).toISOString();
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, at]) => [camelCase(name), readable(at)]),
  );
}
