import { randomUUID } from 'node:crypto';
import { createClient } from '@supabase/supabase-js';
import { decodeJwt } from 'jose';
import postgres from 'postgres';
import { expect, inject } from 'vitest';

const { url, dbUrl, publishableKey } = inject('stack');
// shared by all test files of a worker: closed when idle
export const sql = postgres(dbUrl, { idle_timeout: 1, onnotice: () => {} });
export const password = 'correct horse';
export const issuer = `${url}/auth/v1`;

export function client(key = publishableKey) {
  return createClient(url, key, { auth: { persistSession: false, autoRefreshToken: false } });
}

export function newEmail() {
  return `${randomUUID()}@example.com`;
}

export async function signUp(email = newEmail()) {
  const supabase = client();
  const { data, error } = await supabase.auth.signUp({ email, password });
  if (!data.session || !data.user) throw error ?? new Error('no session');
  return { supabase, email, user: data.user, session: data.session };
}

/** Refreshes a session with a client that has only this refresh token. */
export function refresh(refreshToken: string) {
  return client().auth.refreshSession({ refresh_token: refreshToken });
}

export function sessionIdOf(accessToken: string) {
  return String(decodeJwt(accessToken).session_id);
}

/** Makes the refresh tokens of a session older by `seconds`. */
export async function age(accessToken: string, seconds: number) {
  await sql`
    update auth.refresh_tokens set updated_at = updated_at - make_interval(secs => ${seconds})
    where session_id = ${sessionIdOf(accessToken)}`;
}

export function send(path: string, init: RequestInit & { token?: string; key?: string } = {}) {
  const { token, key = publishableKey, ...rest } = init;
  const headers = { apikey: key, ...(token && { authorization: `Bearer ${token}` }) };
  return fetch(`${url}/auth/v1${path}`, { ...rest, headers });
}

export async function outcome(response: Response) {
  const body = (await response.json()) as { code?: number; error_code?: string };
  expect(body.code).toBe(response.status);
  return { status: response.status, code: body.error_code };
}

/** Creates a user as seed SQL does. If `token` is null, Supabase Auth cannot read the row. */
export async function seedUser(email: string, token: '' | null) {
  const id = randomUUID();
  await sql`
    insert into auth.users (
      instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
      raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
      confirmation_token, email_change, email_change_token_new, recovery_token
    ) values (
      '00000000-0000-0000-0000-000000000000', ${id}, 'authenticated', 'authenticated', ${email},
      extensions.crypt(${password}, extensions.gen_salt('bf')), now(),
      '{"provider":"email","providers":["email"],"role":"admin"}', '{}', now(), now(),
      ${token}, ${token}, ${token}, ${token}
    )`;
  await sql`
    insert into auth.identities
      (id, user_id, identity_data, provider, provider_id, last_sign_in_at, created_at, updated_at)
    values (
      gen_random_uuid(), ${id}, jsonb_build_object('sub', ${id}::text, 'email', ${email}::text),
      'email', ${id}, now(), now(), now()
    )`;
  return id;
}

/** Follows a link as a browser does, without an API key. Returns the parameters of the redirect. */
export async function follow(link: string): Promise<URLSearchParams> {
  const response = await fetch(link, { redirect: 'manual' });
  expect(response.status).toBe(303);
  const target = new URL(response.headers.get('location') ?? '');
  expect(target.origin).toBe(url);
  return new URLSearchParams(target.search || target.hash.slice(1));
}
