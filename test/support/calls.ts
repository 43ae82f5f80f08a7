import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { inject } from 'vitest';
import type { Database } from '../../supabase/functions/_shared/database.types.ts';
import { snakeCase } from '../../supabase/functions/_shared/field-names.ts';
import { createSupabase, request } from './personas.ts';

const { url, publishableKey } = inject('stack');

/** A caller over HTTP and supabase-js, with or without a token. */
export interface Caller {
  token?: string;
  /** Extra headers of each request. */
  headers?: Record<string, string>;
  supabase: SupabaseClient<Database>;
}

/** The answer of supabase-js to an RPC. */
export interface RpcAnswer {
  status: number;
  data: unknown;
  error: { code: string; hint: string; details: string } | null;
}

/** One call, ready to be made over HTTP and over supabase-js. */
export interface BothWays {
  route: () => Promise<Response>;
  rpc: () => PromiseLike<RpcAnswer>;
}

/** Fields with their HTTP names and any type, including types that the typed clients reject. */
export type Fields = Record<string, unknown>;

/** A caller with a token that Auth did not issue to a persona. */
export function callerWith(token: string): Caller {
  return {
    token,
    supabase: createClient<Database>(url, publishableKey, { accessToken: async () => token }),
  };
}

/** A caller without a token. */
export const anonymous: Caller = { supabase: createSupabase() };

/** One call, by its route and by its RPC. */
export interface Operation {
  method: string;
  /** `:id` is a placeholder for a key, or for the object of the call. */
  path: string;
  rpc: keyof Database['public']['Functions'];
  accept?: string;
  /** The RPC's name for the id. */
  idArgument?: string;
  /** The arguments of the RPC, if they differ from the fields. */
  arrange?: (fields: Fields) => Fields;
}

/** Prepares a call by route and by RPC; `fields` have their HTTP names. */
export function bothWays(
  { method, path, rpc, accept, idArgument = 'id', arrange = (fields) => fields }: Operation,
  by: Caller,
  id?: string,
  fields?: Fields,
  idempotencyKey?: string,
): BothWays {
  const named = Object.fromEntries(
    Object.entries(fields ?? {}).map(([name, value]) => [snakeCase(name), value]),
  );
  const args = {
    ...(id !== undefined && { [idArgument]: id }),
    ...arrange(named),
    ...(idempotencyKey !== undefined && { idempotency_key: idempotencyKey }),
  };
  const full = path.replace(':id', () => encodeURIComponent(id ?? ''));
  const search = new URLSearchParams(fields as Record<string, string>);
  const address = method === 'GET' && search.size > 0 ? `${full}?${search}` : full;
  const headers = {
    ...(accept !== undefined && { Accept: accept }),
    ...by.headers,
    ...(idempotencyKey !== undefined && { 'Idempotency-Key': idempotencyKey }),
  };
  return {
    route: () =>
      request(method, address, {
        ...(by.token !== undefined && { token: by.token }),
        ...(method !== 'GET' && { body: fields }),
        headers,
      }),
    rpc: () =>
      Object.entries(by.headers ?? {}).reduce(
        (call, [name, value]) => call.setHeader(name, value),
        by.supabase.rpc(rpc, args as never),
      ),
  };
}

const ofKey =
  (method: string, path: string, rpc: Operation['rpc'], more: Partial<Operation> = {}) =>
  (by: Caller, id: string, fields?: Fields, idempotencyKey?: string) =>
    bothWays({ method, path, rpc, ...more }, by, id, fields, idempotencyKey);

const ofUser =
  (method: string, path: string, rpc: Operation['rpc'], more: Partial<Operation> = {}) =>
  (by: Caller, fields?: Fields, idempotencyKey?: string) =>
    bothWays({ method, path, rpc, ...more }, by, undefined, fields, idempotencyKey);

const [keys, usage, admin] = ['/api/v1/proxy/keys', '/api/v1/proxy/usage', '/admin/proxy'];

const alerts = '/api/v1/proxy/alerts';

/** These RPCs use `id` where HTTP uses `keyId`. */
const ofOneKey = ({ key_id: id, ...rest }: Fields): Fields => ({
  ...(id !== undefined && { id }),
  ...rest,
});

/** The SQL name of the column that a list is sorted by. */
const sortedInSql = ({ sort, ...rest }: Fields): Fields => ({
  ...(sort !== undefined && { sort: snakeCase(String(sort)) }),
  ...rest,
});

/** For a key of any user. */
const asAdmin: Partial<Operation> = { arrange: (fields) => ({ ...fields, as_admin: true }) };

/** All calls that exist over HTTP and as an RPC, with fields by their HTTP names. */
export const calls = {
  mint: ofUser('POST', keys, 'mint_proxy_key'),
  list: ofUser('GET', keys, 'list_proxy_keys', { arrange: sortedInSql }),
  keysCsv: ofUser('GET', keys, 'export_proxy_keys', { accept: 'text/csv', arrange: sortedInSql }),
  attention: ofUser('GET', `${keys}/attention`, 'proxy_key_attention'),
  changeKeys: ofUser('POST', `${keys}/changes`, 'change_proxy_keys', {
    arrange: ({ ids, ...changes }) => ({ ids, changes }),
  }),
  get: ofKey('GET', `${keys}/:id`, 'get_proxy_key'),
  update: ofKey('PATCH', `${keys}/:id`, 'update_proxy_key', {
    arrange: (changes) => ({ changes }),
  }),
  rotate: ofKey('POST', `${keys}/:id/rotate`, 'rotate_proxy_key'),
  delete: ofKey('DELETE', `${keys}/:id`, 'delete_proxy_key'),
  events: ofKey('GET', `${keys}/:id/events`, 'list_proxy_key_events'),
  csv: ofKey('GET', `${keys}/:id/events`, 'export_proxy_key_events', { accept: 'text/csv' }),
  usage: ofUser('GET', usage, 'proxy_usage_summary'),
  usageByKey: ofUser('GET', `${usage}/keys`, 'proxy_usage_by_key'),
  account: ofUser('GET', '/api/v1/proxy/account', 'proxy_account'),
  alerts: ofUser('GET', alerts, 'list_proxy_alerts', { arrange: ofOneKey }),
  thresholds: ofUser('GET', `${alerts}/thresholds`, 'list_proxy_alert_thresholds'),
  setThresholds: ofUser('PATCH', `${alerts}/thresholds`, 'set_proxy_alert_thresholds', {
    arrange: ofOneKey,
  }),
  usageOverTime: ofUser('GET', `${usage}/series`, 'proxy_usage_series'),
  usageByTarget: ofUser('GET', `${usage}/targets`, 'proxy_usage_targets'),
  usageByOutcome: ofUser('GET', `${usage}/outcomes`, 'proxy_usage_outcomes'),
  findKeys: ofUser('GET', `${admin}/keys`, 'find_proxy_keys'),
  readAny: ofKey('GET', `${admin}/keys/:id`, 'find_proxy_key'),
  anyEvents: ofKey('GET', `${admin}/keys/:id/events`, 'list_proxy_key_events', asAdmin),
  anyAudit: ofKey('GET', `${admin}/keys/:id/audit`, 'list_proxy_key_audit', asAdmin),
  anyUsageOverTime: ofKey('GET', `${admin}/keys/:id/usage/series`, 'proxy_usage_series', {
    ...asAdmin,
    idArgument: 'key_id',
  }),
  anyUsageByOutcome: ofKey('GET', `${admin}/keys/:id/usage/outcomes`, 'proxy_usage_outcomes', {
    ...asAdmin,
    idArgument: 'key_id',
  }),
  users: ofUser('GET', `${admin}/users`, 'list_proxy_users'),
  suspend: ofKey('POST', `${admin}/keys/:id/suspend`, 'suspend_proxy_key'),
  reactivate: ofKey('POST', `${admin}/keys/:id/reactivate`, 'reactivate_proxy_key'),
  limit: ofKey('PATCH', `${admin}/keys/:id/limits`, 'set_proxy_key_limits', {
    arrange: ({ reason, ...limits }) => ({ reason, limits }),
  }),
  findGrants: ofUser('GET', `${admin}/grants`, 'list_proxy_tier_grants'),
  grant: ofUser('POST', `${admin}/grants`, 'grant_proxy_tier'),
  revoke: ofUser('POST', `${admin}/grants/revoke`, 'revoke_proxy_tier'),
  findAccount: ofUser('GET', `${admin}/account`, 'find_proxy_account'),
  limitAccount: ofUser('PATCH', `${admin}/account/limits`, 'set_proxy_account_limits', {
    arrange: ({ user, tier, reason, ...limits }) => ({ user, tier, reason, limits }),
  }),
};

type CallOfKey = (by: Caller, id: string) => BothWays;

/** The owner's calls on a key, with only the required fields. */
export const ofOwners = {
  get: calls.get,
  update: (by: Caller, id: string) => calls.update(by, id, {}),
  rotate: calls.rotate,
  delete: calls.delete,
  events: calls.events,
  'events as CSV': calls.csv,
} satisfies Record<string, CallOfKey>;

const reason = 'because';
const limits = { bandwidthLimitBytes: 1, rateLimit: 1, tunnelLimit: 1, reason };
const grant = { user: 'nobody@example.com', tier: 'enterprise', reason };

/** The admin's calls on any user's key. */
export const ofAdmins = {
  read: calls.readAny,
  'read events': calls.anyEvents,
  'read audit': calls.anyAudit,
  'read usage over time': (by: Caller, id: string) =>
    calls.anyUsageOverTime(by, id, { interval: 'day' }),
  'read usage by outcome': calls.anyUsageByOutcome,
  suspend: (by: Caller, id: string) => calls.suspend(by, id, { reason }),
  reactivate: calls.reactivate,
  limits: (by: Caller, id: string) => calls.limit(by, id, limits),
} satisfies Record<string, CallOfKey>;

/** Every call that needs a user, on the key `id` if it needs one. */
export const everything: Record<string, CallOfKey> = {
  mint: (by) => calls.mint(by, { label: 'x' }),
  list: (by) => calls.list(by),
  attention: (by) => calls.attention(by),
  'change keys': (by, id) => calls.changeKeys(by, { ids: [id], allowedIps: [] }),
  usage: (by) => calls.usage(by),
  'usage by key': (by) => calls.usageByKey(by),
  account: (by) => calls.account(by),
  alerts: (by) => calls.alerts(by),
  thresholds: (by) => calls.thresholds(by),
  'set thresholds': (by) => calls.setThresholds(by, { percents: [50] }),
  'usage over time': (by) => calls.usageOverTime(by, { interval: 'day' }),
  'usage by target': (by) => calls.usageByTarget(by),
  'usage by outcome': (by) => calls.usageByOutcome(by),
  ...ofOwners,
  ...ofAdmins,
  'find keys': (by) => calls.findKeys(by),
  users: (by) => calls.users(by),
  'find grants': (by) => calls.findGrants(by),
  grant: (by) => calls.grant(by, grant),
  revoke: (by) => calls.revoke(by, grant),
  'find an account': (by) => calls.findAccount(by, { user: grant.user }),
  'limit an account': (by) =>
    calls.limitAccount(by, { ...grant, accountLimitBytes: 1, testLimitBytes: 1 }),
};
