import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { decodeJwt } from 'jose';
import { describe, expect, inject, it } from 'vitest';
import { realAuth } from '../../support/real-auth.ts';
import {
  client,
  follow,
  issuer,
  newEmail,
  outcome,
  password,
  send,
  signUp,
  sql,
} from './auth-client.ts';

const { url, publishableKey, secretKey } = inject('stack');
const { admin } = client(secretKey).auth;

/** A client like that of a server-side application: links give it a code instead of a session. */
function pkceClient(): SupabaseClient {
  const auth = { flowType: 'pkce', persistSession: false, autoRefreshToken: false } as const;
  return createClient(url, publishableKey, { auth });
}

/**
 * Follows the link that a mail to `email` would contain. Returns the parameters of the redirect.
 */
async function followMailedLink(email: string, type: string): Promise<URLSearchParams> {
  const [row] = await sql`select recovery_token as token from auth.users where email = ${email}`;
  return follow(`${issuer}/verify?token=${row?.token}&type=${type}`);
}

const methodsOf = (token: string) => decodeJwt<{ amr: { method: string }[] }>(token).amr;

describe('a mailed link', () => {
  it('for a recovery lets the owner set a new password, with PKCE', async () => {
    const { email, user } = await signUp();
    const supabase = pkceClient();
    expect((await supabase.auth.resetPasswordForEmail(email)).error).toBeNull();
    const code = (await followMailedLink(email, 'recovery')).get('code') ?? '';

    const body = JSON.stringify({ auth_code: code, code_verifier: 'x'.repeat(56) });
    const thief = await send('/token?grant_type=pkce', { method: 'POST', body });
    expect(await outcome(thief)).toEqual({ status: 400, code: 'bad_code_verifier' });
    const { data, error } = await supabase.auth.exchangeCodeForSession(code);
    expect(error).toBeNull();
    expect(data.user?.id).toBe(user.id);
    expect(methodsOf(data.session?.access_token ?? '')).toMatchObject([{ method: 'recovery' }]);
    expect((await supabase.auth.updateUser({ password: 'battery staple' })).error).toBeNull();
    const old = await client().auth.signInWithPassword({ email, password });
    expect(old.error).toMatchObject({ status: 400, code: 'invalid_credentials' });
  });

  it('for a sign-in works once, with PKCE, and its token mints a key', async () => {
    const { email } = await signUp();
    const supabase = pkceClient();
    const options = { shouldCreateUser: false };
    expect((await supabase.auth.signInWithOtp({ email, options })).error).toBeNull();
    const [row] = await sql`select recovery_token as token from auth.users where email = ${email}`;
    const code = (await followMailedLink(email, 'magiclink')).get('code') ?? '';
    const again = await follow(`${issuer}/verify?token=${row?.token}&type=magiclink`);
    expect(again.get('error_code')).toBe('otp_expired');
    const { data, error } = await supabase.auth.exchangeCodeForSession(code);
    expect(error).toBeNull();
    expect(methodsOf(data.session?.access_token ?? '')).toMatchObject([{ method: 'magiclink' }]);
    expect((await supabase.rpc('mint_proxy_key', { label: 'key' })).error).toBeNull();
  });

  // the local Auth server creates no links for the secret key
  it.runIf(realAuth)('for a sign-up confirms the address: no one can sign in before', async () => {
    const email = newEmail();
    const made = await admin.generateLink({ type: 'signup', email, password });
    expect(made.error).toBeNull();
    const before = await client().auth.signInWithPassword({ email, password });
    expect(before.error).toMatchObject({ status: 400, code: 'email_not_confirmed' });
    const answer = await follow(made.data.properties?.action_link ?? '');
    expect(decodeJwt(answer.get('access_token') ?? '').email).toBe(email);
    expect((await client().auth.signInWithPassword({ email, password })).error).toBeNull();
  });

  it('if invalid, redirects with an error code, and never to another site', async () => {
    const query = 'type=recovery&redirect_to=https://evil.example.com/';
    const used = await follow(`${issuer}/verify?token=pkce_nothing&${query}`);
    expect(used.get('error_code')).toBe('otp_expired');
  });

  it('for a new address changes it; no one can sign in with that address before', async () => {
    const { supabase, email, user } = await signUp();
    const [next, taken] = [newEmail(), (await signUp()).email];
    const refused = await supabase.auth.updateUser({ email: taken });
    expect(refused.error).toMatchObject({ status: 422, code: 'email_exists' });
    const asked = await supabase.auth.updateUser({ email: next });
    expect(asked.data.user?.email).toBe(email);
    const before = await client().auth.signInWithPassword({ email: next, password });
    expect(before.error).toMatchObject({ code: 'invalid_credentials' });
    const [row] = await sql`
      select email_change_token_new as token from auth.users where id = ${user.id}`;
    const answer = await follow(`${issuer}/verify?token=${row?.token}&type=email_change`);
    expect(decodeJwt(answer.get('access_token') ?? '')).toMatchObject({
      sub: user.id,
      email: next,
    });
    expect((await client().auth.signInWithPassword({ email: next, password })).error).toBeNull();
    const old = await client().auth.signInWithPassword({ email, password });
    expect(old.error).toMatchObject({ code: 'invalid_credentials' });
  });

  it('is requested with the same answer whether or not an account exists', async () => {
    const { email } = await signUp();
    const recover = (address: string) => client().auth.resetPasswordForEmail(address);
    const resend = (address: string) => client().auth.resend({ type: 'signup', email: address });
    for (const ask of [recover, resend]) {
      expect(await ask(newEmail())).toEqual(await ask(email));
    }
  });

  it('has a token hash that any browser can use, once', async () => {
    const { email, user } = await signUp();
    await pkceClient().auth.resetPasswordForEmail(email);
    const [row] = await sql`select recovery_token as token from auth.users where email = ${email}`;
    const proof = { token_hash: row?.token, type: 'recovery' } as const;
    expect((await pkceClient().auth.verifyOtp(proof)).data.user?.id).toBe(user.id);
    const again = await pkceClient().auth.verifyOtp(proof);
    expect(again.error).toMatchObject({ status: 403, code: 'otp_expired' });
  });
});

describe.skipIf(realAuth)('what the local Auth server does not support', () => {
  it.each([
    ['POST', '/invite'],
    ['GET', '/authorize?provider=github'],
    ['POST', '/passkeys/authentication/options'],
    ['POST', '/admin/generate_link'],
  ])('is refused with a hint at AUTH_BIN: %s %s', async (method, path) => {
    const response = await send(path, { method, key: secretKey });
    expect((await response.clone().json()).msg).toContain('AUTH_BIN');
    expect(await outcome(response)).toEqual({ status: 501, code: 'not_implemented' });
  });
});
