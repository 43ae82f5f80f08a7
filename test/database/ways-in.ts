import type { PostgrestError } from '@supabase/supabase-js';
import type { Persona } from '../support/personas.ts';

/** A key with its secret, as mint and rotate answer. */
export interface LiveKey {
  id: string;
  keyId: string;
  secret: string;
  basicAuth: string;
}

/** What a caller is told, in the same terms by either way in. */
export interface Answer {
  status: number;
  /** The stable code of a refusal. */
  code: string | null;
  /** Seconds to wait. */
  retryAfter: number | null;
  /** The code that PostgREST adds; null by HTTP route. */
  sqlState: string | null;
  key: LiveKey | null;
}

/** A way to call the service: both must give the same answers and the same refusals. */
export interface WayIn {
  mint(user: Persona, fields: { label: string; tier?: string }): Promise<Answer>;
  rotate(user: Persona, id: string): Promise<Answer>;
  remove(user: Persona, id: string): Promise<Answer>;
  reactivate(admin: Persona, id: string): Promise<Answer>;
}

const route: WayIn = {
  mint: (user, fields) => overHttp(user, 'POST', '/api/v1/proxy/keys', fields),
  rotate: (user, id) => overHttp(user, 'POST', `/api/v1/proxy/keys/${id}/rotate`),
  remove: (user, id) => overHttp(user, 'DELETE', `/api/v1/proxy/keys/${id}`),
  reactivate: (admin, id) => overHttp(admin, 'POST', `/admin/proxy/keys/${id}/reactivate`),
};

const rpc: WayIn = {
  mint: async ({ supabase }, fields) => ofRpc(await supabase.rpc('mint_proxy_key', fields)),
  rotate: async ({ supabase }, id) => ofRpc(await supabase.rpc('rotate_proxy_key', { id })),
  remove: async ({ supabase }, id) => ofRpc(await supabase.rpc('delete_proxy_key', { id })),
  reactivate: async ({ supabase }, id) => ofRpc(await supabase.rpc('reactivate_proxy_key', { id })),
};

/** The HTTP routes, and supabase-js calling the database's functions. */
export const waysIn = { route, rpc };

async function overHttp(
  user: Persona,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const response = await user.request(method, path, body);
  const text = await response.text();
  const { code = null, key } = text ? (JSON.parse(text) as { code?: string; key?: LiveKey }) : {};
  const retryAfter = response.headers.get('Retry-After');
  return {
    status: response.status,
    code,
    retryAfter: retryAfter === null ? null : Number(retryAfter),
    sqlState: null,
    key: key?.secret ? key : null,
  };
}

function ofRpc(result: { data: unknown; error: PostgrestError | null; status: number }): Answer {
  const row = result.data as null | {
    id: string;
    key_id: string;
    secret?: string;
    basic_auth?: string;
  };
  return {
    status: result.status,
    code: result.error?.hint ?? null,
    retryAfter: result.error?.hint === 'rate_limited' ? Number(result.error.details) : null,
    sqlState: result.error?.code ?? null,
    key:
      row?.secret && row.basic_auth
        ? { id: row.id, keyId: row.key_id, secret: row.secret, basicAuth: row.basic_auth }
        : null,
  };
}
