import { randomUUID } from 'node:crypto';
import { createClient } from '@supabase/supabase-js';
import { decodeJwt } from 'jose';
import postgres from 'postgres';
import { expect, inject } from 'vitest';

const { url, dbUrl, publishableKey } = inject('stack');
// of all test files of a worker: closed when nothing uses it
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

/** A client that holds nothing but this refresh token. */
export function refresh(refreshToken: string) {
  return client().auth.refreshSession({ refresh_token: refreshToken });
}

export function sessionIdOf(accessToken: string) {
  return String(decodeJwt(accessToken).session_id);
}

/** Lets time pass for the refresh tokens of a session. */
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
