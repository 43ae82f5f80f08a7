import { createClient } from '@supabase/supabase-js';
import { inject } from 'vitest';
import type { Database } from '../../supabase/functions/_shared/database.types.ts';
import { type Persona, request } from '../personas.ts';

const { url, publishableKey } = inject('stack');

/** Somebody who asks, by routes and by supabase-js, with one token. */
export type Caller = Pick<Persona, 'request' | 'supabase'>;

/** What supabase-js answers an RPC with. */
export interface RpcAnswer {
  status: number;
  data: unknown;
  error: { code: string; hint: string; details: string } | null;
}

/** One thing asked for over HTTP and over supabase-js. */
export interface BothWays {
  route: Promise<Response>;
  rpc: PromiseLike<RpcAnswer>;
}

/** Whoever has this token: one that Auth has not given to a persona. */
export function callerWith(token: string): Caller {
  return {
    request: (method, path, body) => request(method, path, { token, body }),
    supabase: createClient<Database>(url, publishableKey, { accessToken: async () => token }),
  };
}

/** Mint, with the fields as HTTP names them: SQL names one of them otherwise. */
export function mint(by: Caller, body: Record<string, unknown>): BothWays {
  const { liveMode, ...rest } = body;
  const args = liveMode === undefined ? rest : { ...rest, live_mode: liveMode };
  return {
    route: by.request('POST', '/api/v1/proxy/keys', body),
    rpc: by.supabase.rpc('mint_proxy_key', args as { label: string }),
  };
}

/** What names a key, each as a route and as an RPC. */
export const namingKey = {
  rotate: (by: Caller, id: string): BothWays => ({
    route: by.request('POST', `/api/v1/proxy/keys/${encodeURIComponent(id)}/rotate`),
    rpc: by.supabase.rpc('rotate_proxy_key', { id }),
  }),
  delete: (by: Caller, id: string): BothWays => ({
    route: by.request('DELETE', `/api/v1/proxy/keys/${encodeURIComponent(id)}`),
    rpc: by.supabase.rpc('delete_proxy_key', { id }),
  }),
  reactivate: (by: Caller, id: string): BothWays => ({
    route: by.request('POST', `/admin/proxy/keys/${encodeURIComponent(id)}/reactivate`),
    rpc: by.supabase.rpc('reactivate_proxy_key', { id }),
  }),
};

/** Everything that needs a user, over the key `id` where it needs one. */
export const everything: Record<string, (by: Caller, id: string) => BothWays> = {
  mint: (by) => mint(by, { label: 'x' }),
  list: (by) => ({
    route: by.request('GET', '/api/v1/proxy/keys'),
    rpc: by.supabase.rpc('list_proxy_keys'),
  }),
  usage: (by) => ({
    route: by.request('GET', '/api/v1/proxy/usage'),
    rpc: by.supabase.rpc('proxy_usage_summary'),
  }),
  ...namingKey,
};
