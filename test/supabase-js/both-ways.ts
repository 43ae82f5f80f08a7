import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { expect, inject } from 'vitest';
import type { Database } from '../../supabase/functions/_shared/database.types.ts';
import { camelCase, snakeCase } from '../../supabase/functions/_shared/field-names.ts';
import { expectProblem } from '../support/contract.ts';
import { createSupabase, request } from '../support/personas.ts';

const { url, publishableKey } = inject('stack');

/** Somebody who asks, by routes and by supabase-js, with one token or with none. */
export interface Caller {
  token?: string;
  supabase: SupabaseClient<Database>;
}

/** What supabase-js answers an RPC with. */
export interface RpcAnswer {
  status: number;
  data: unknown;
  error: { code: string; hint: string; details: string } | null;
}

/** One thing that can be asked for over HTTP and over supabase-js. */
export interface BothWays {
  route: () => Promise<Response>;
  rpc: () => PromiseLike<RpcAnswer>;
}

/** Fields as HTTP spells them, of any type: also what the typed clients would not let through. */
export type Fields = Record<string, unknown>;

/** Whoever has this token: one that Auth has not given to a persona. */
export function callerWith(token: string): Caller {
  return {
    token,
    supabase: createClient<Database>(url, publishableKey, { accessToken: async () => token }),
  };
}

/** Whoever has no token at all. */
export const anonymous: Caller = { supabase: createSupabase() };

function inSnakeCase(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, at]) => [snakeCase(name), at]));
}

function route(by: Caller, method: string, path: string, body?: Fields, idempotencyKey?: string) {
  return () =>
    request(method, path, {
      ...(by.token === undefined ? {} : { token: by.token }),
      ...(body === undefined ? {} : { body }),
      ...(idempotencyKey === undefined ? {} : { headers: { 'Idempotency-Key': idempotencyKey } }),
    });
}

type Rpc = keyof Database['public']['Functions'];

function rpc(by: Caller, name: Rpc, fields: Fields = {}, idempotencyKey?: string) {
  const retried = idempotencyKey === undefined ? {} : { idempotency_key: idempotencyKey };
  return () => by.supabase.rpc(name, { ...inSnakeCase(fields), ...retried } as never);
}

/** Mint, with the fields as HTTP names them: SQL names one of them otherwise. */
export function mint(by: Caller, fields: Fields, idempotencyKey?: string): BothWays {
  return {
    route: route(by, 'POST', '/api/v1/proxy/keys', fields, idempotencyKey),
    rpc: rpc(by, 'mint_proxy_key', fields, idempotencyKey),
  };
}

/** The list, whole or filtered. */
export function list(by: Caller, query: Record<string, string | number | boolean> = {}): BothWays {
  const search = new URLSearchParams(
    Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
  );
  return {
    route: route(by, 'GET', `/api/v1/proxy/keys?${search}`),
    rpc: rpc(by, 'list_proxy_keys', query),
  };
}

const pathOf = (id: string) => `/api/v1/proxy/keys/${encodeURIComponent(id)}`;

/** What an owner does with a key, each as a route and as an RPC. */
export const ofOwners = {
  get: (by: Caller, id: string): BothWays => ({
    route: route(by, 'GET', pathOf(id)),
    rpc: rpc(by, 'get_proxy_key', { id }),
  }),
  update: (by: Caller, id: string, changes: Fields = {}): BothWays => ({
    route: route(by, 'PATCH', pathOf(id), changes),
    rpc: rpc(by, 'update_proxy_key', { id, changes: inSnakeCase(changes) }),
  }),
  rotate: (by: Caller, id: string, fields?: Fields, idempotencyKey?: string): BothWays => ({
    route: route(by, 'POST', `${pathOf(id)}/rotate`, fields, idempotencyKey),
    rpc: rpc(by, 'rotate_proxy_key', { id, ...fields }, idempotencyKey),
  }),
  delete: (by: Caller, id: string): BothWays => ({
    route: route(by, 'DELETE', pathOf(id)),
    rpc: rpc(by, 'delete_proxy_key', { id }),
  }),
  events: (by: Caller, id: string): BothWays => ({
    route: route(by, 'GET', `${pathOf(id)}/events`),
    rpc: rpc(by, 'list_proxy_key_events', { id }),
  }),
};

const reason = 'because';
const adminPathOf = (id: string) => `/admin/proxy/keys/${encodeURIComponent(id)}`;

/** What an admin does with anybody's key. */
export const ofAdmins = {
  suspend: (by: Caller, id: string): BothWays => ({
    route: route(by, 'POST', `${adminPathOf(id)}/suspend`, { reason }),
    rpc: rpc(by, 'suspend_proxy_key', { id, reason }),
  }),
  reactivate: (by: Caller, id: string): BothWays => ({
    route: route(by, 'POST', `${adminPathOf(id)}/reactivate`),
    rpc: rpc(by, 'reactivate_proxy_key', { id }),
  }),
  limits: (by: Caller, id: string): BothWays => {
    const limits = { bandwidthLimitBytes: 1, rateLimit: 1, tunnelLimit: 1, reason };
    return {
      route: route(by, 'PUT', `${adminPathOf(id)}/limits`, limits),
      rpc: rpc(by, 'set_proxy_key_limits', { id, ...limits }),
    };
  },
};

const grant = { user: 'nobody@example.com', tier: 'enterprise', reason };

/** Everything that needs a user, over the key `id` where it needs one. */
export const everything: Record<string, (by: Caller, id: string) => BothWays> = {
  mint: (by) => mint(by, { label: 'x' }),
  list: (by) => list(by),
  usage: (by) => ({
    route: route(by, 'GET', '/api/v1/proxy/usage'),
    rpc: rpc(by, 'proxy_usage_summary'),
  }),
  'usage by key': (by) => ({
    route: route(by, 'GET', '/api/v1/proxy/usage/keys'),
    rpc: rpc(by, 'proxy_usage_by_key'),
  }),
  'usage over time': (by) => ({
    route: route(by, 'GET', '/api/v1/proxy/usage/series?interval=day'),
    rpc: rpc(by, 'proxy_usage_series', { interval: 'day' }),
  }),
  ...ofOwners,
  ...ofAdmins,
  'find keys': (by) => ({
    route: route(by, 'GET', '/admin/proxy/keys'),
    rpc: rpc(by, 'find_proxy_keys'),
  }),
  'find grants': (by) => ({
    route: route(by, 'GET', '/admin/proxy/grants'),
    rpc: rpc(by, 'list_proxy_tier_grants'),
  }),
  grant: (by) => ({
    route: route(by, 'POST', '/admin/proxy/grants', grant),
    rpc: rpc(by, 'grant_proxy_tier', grant),
  }),
  revoke: (by) => ({
    route: route(by, 'POST', '/admin/proxy/grants/revoke', grant),
    rpc: rpc(by, 'revoke_proxy_tier', grant),
  }),
};

/** Both ways refuse with this status and this code; returns what each says beyond them. */
export async function expectSameRefusal(ways: BothWays, status: number, code: string) {
  const [response, { error, ...answer }] = await Promise.all([ways.route(), ways.rpc()]);
  const problem = await expectProblem(response, status, code);
  expect({ ...answer, code: error?.code, hint: error?.hint }).toMatchObject({
    status,
    data: null,
    code: `PT${status}`,
    hint: code,
  });
  return { response, problem, details: error?.details };
}

/** What a call came to, in the terms that both ways share. */
export interface Answer {
  /** The stable code of a refusal, with its HTTP status; null for a success. */
  refused: { status: number; code: string } | null;
  /** Which key it was, for already_done. */
  doneFor: string | null;
  /** The row, or the key of the body, in camelCase, with times in UTC. */
  data: Fields;
}

/** Asks one way, for what must not happen twice. */
export const askBy = {
  route: async ({ route }: BothWays): Promise<Answer> => {
    const response = await route();
    const text = await response.clone().text();
    if (!response.ok) {
      const { status, code } = JSON.parse(text) as { status: number; code: string };
      const problem = await expectProblem(response, status, code);
      return { refused: { status, code }, doneFor: problem.id ?? null, data: {} };
    }
    const body: unknown = text === '' ? {} : JSON.parse(text);
    const data = Array.isArray(body) ? { items: body } : ((body as Fields).key ?? {});
    return { refused: null, doneFor: null, data: data as Fields };
  },
  rpc: async ({ rpc }: BothWays): Promise<Answer> => {
    const { status, data, error } = await rpc();
    if (error) {
      const { hint: code, details } = error;
      expect(error.code).toBe(`PT${status}`);
      return {
        refused: { status, code },
        doneFor: code === 'already_done' ? details : null,
        data: {},
      };
    }
    return { refused: null, doneFor: null, data: inCamelCase(data) as Fields };
  },
};

/** What SQL says, as HTTP spells it. */
export function inCamelCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inCamelCase);
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT.*\+00:00$/.test(value)) {
    return new Date(value).toISOString();
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, at]) => [camelCase(name), inCamelCase(at)]),
  );
}
