import { randomUUID } from 'node:crypto';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { importJWK, SignJWT } from 'jose';
import postgres from 'postgres';
import { inject } from 'vitest';
import { createProxyKeysClient, type ProxyKeysClient } from '../../client/client.ts';
import type { Database } from '../../supabase/functions/_shared/database.types.ts';

const stack = inject('stack');
/** The password of all personas. */
export const password = 'correct horse battery staple';

/** supabase-js as an application creates it: the project's URL and key, with no stored session. */
export function createSupabase(key = stack.publishableKey): SupabaseClient<Database> {
  return createClient<Database>(stack.url, key, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
}

/** A user with an access token, who calls routes over HTTP and the database over supabase-js. */
export interface Persona {
  id: string;
  email: string;
  token: string;
  /** supabase-js, signed in. */
  supabase: SupabaseClient<Database>;
  /** The typed client of the HTTP API, with the token. */
  api: ProxyKeysClient;
  /**
   * A request to any route, even one that the typed client rejects, with the token, and with `body`
   * as JSON if one is given.
   */
  request(method: string, path: string, body?: unknown): Promise<Response>;
}

/** A new user who has signed up through Auth. */
export async function newUser(): Promise<Persona> {
  const supabase = createSupabase();
  const email = `${randomUUID()}@example.com`;
  const { data, error } = await supabase.auth.signUp({ email, password });
  if (error || !data.session || !data.user) throw error ?? new Error('no session after sign-up');
  return persona(data.user.id, email, data.session.access_token, supabase);
}

/** A new admin, made as operators do it: with the secret key, in `app_metadata`. */
export async function newAdmin(): Promise<Persona> {
  const email = `${randomUUID()}@example.com`;
  const made = await createSupabase(stack.secretKey).auth.admin.createUser({
    email,
    password,
    email_confirm: true,
    app_metadata: { role: 'admin' },
  });
  if (made.error) throw made.error;
  const supabase = createSupabase();
  const { data, error } = await supabase.auth.signInWithPassword({ email, password });
  if (error) throw error;
  return persona(data.user.id, email, data.session.access_token, supabase);
}

function persona(
  id: string,
  email: string,
  token: string,
  supabase: SupabaseClient<Database>,
): Persona {
  return {
    id,
    email,
    token,
    supabase,
    api: createProxyKeysClient({ baseUrl: stack.url, token: () => token }),
    request: (method, path, body) => request(method, path, { token, body }),
  };
}

/** A request to the stack's public origin. */
export function request(
  method: string,
  path: string,
  options: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Response> {
  return fetch(`${stack.url}${path}`, {
    method,
    headers: {
      ...(options.token === undefined ? {} : { Authorization: `Bearer ${options.token}` }),
      ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
}

/** A token with any claims, signed by the stack's own key: what Auth itself would not issue. */
export async function signToken(claims: Record<string, unknown>): Promise<string> {
  const { kid = '' } = stack.signingJwk;
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid, typ: 'JWT' })
    .sign(await importJWK(stack.signingJwk, 'ES256'));
}

/** The schema's owner, in SQL: for scenes, for time travel, and to inspect the tables. */
export function connectOwner(): postgres.Sql {
  return postgres(stack.dbUrl, { max: 4, onnotice: () => {} });
}

/** The CONNECT gateway's role, in SQL. */
export function connectGateway(connections = 4): postgres.Sql {
  return postgres(stack.gatewayDbUrl, { max: connections, onnotice: () => {} });
}
