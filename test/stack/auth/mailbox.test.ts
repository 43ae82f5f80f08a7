import { decodeJwt } from 'jose';
import { describe, expect, inject, it } from 'vitest';
import { createAuthApp } from '../../../scripts/stack/auth/app.ts';
import { createRoleTokens } from '../../../scripts/stack/role-tokens.ts';
import { generateSigningJwk, readSigningKey } from '../../../scripts/stack/signing-keys.ts';
import { mailsTo } from '../../support/mails.ts';
import { realAuth } from '../../support/real-auth.ts';
import { client, follow, issuer, newEmail, password, send, signUp, sql } from './auth-client.ts';

const { secretKey } = inject('stack');
const { admin } = client(secretKey).auth;

// Supabase Auth sends real mail
describe.skipIf(realAuth)('the mailbox of the local Auth server', () => {
  it('has the code of each mail, which signs in without the link', async () => {
    const { email, user } = await signUp();
    await client().auth.signInWithOtp({ email, options: { shouldCreateUser: false } });
    const [mail] = await mailsTo(email);
    expect(mail).toMatchObject({ type: 'magiclink', code: expect.stringMatching(/^\d{6}$/) });
    const wrong = mail?.code === '000000' ? '000001' : '000000';
    const token = mail?.code ?? '';
    const refused = await client().auth.verifyOtp({ email, token: wrong, type: 'email' });
    expect(refused.error).toMatchObject({ status: 403, code: 'otp_expired' });
    const { data } = await client().auth.verifyOtp({ email, token, type: 'email' });
    expect(data.user?.id).toBe(user.id);
  });

  it('has the mail that confirms an address, and a new one on request', async () => {
    const email = newEmail();
    await admin.createUser({ email, password });
    const before = await client().auth.signInWithPassword({ email, password });
    expect(before.error).toMatchObject({ status: 400, code: 'email_not_confirmed' });
    await client().auth.resend({ type: 'signup', email });
    await client().auth.resend({ type: 'signup', email });
    const [last, first] = await mailsTo(email);
    const answer = await follow(first?.link ?? '');
    expect(answer.get('error_code')).toBe('otp_expired');
    expect(decodeJwt((await follow(last?.link ?? '')).get('access_token') ?? '').email).toBe(email);
    expect((await client().auth.signInWithPassword({ email, password })).error).toBeNull();
  });

  it('has a code for a new password if the session is too old', async () => {
    let now = Date.now() - 25 * 3_600_000;
    const signingKey = await readSigningKey(await generateSigningJwk());
    const app = createAuthApp({
      sql,
      signingKey,
      issuer,
      securePasswordChange: true,
      now: () => now,
    });
    const call = async (method: string, path: string, body?: object, token?: string) => {
      const response = await app.request(path, {
        method,
        ...(body && { body: JSON.stringify(body) }),
        headers: token ? { authorization: `Bearer ${token}` } : {},
      });
      return { status: response.status, body: await response.json() };
    };
    const email = newEmail();
    const signedUp = await call('POST', '/signup', { email, password });
    now += 25 * 3_600_000;
    const refreshToken = { refresh_token: signedUp.body.refresh_token };
    const { body } = await call('POST', '/token?grant_type=refresh_token', refreshToken);
    const put = async (nonce?: string) => {
      const changes = { password: 'battery staple', nonce };
      return (await call('PUT', '/user', changes, body.access_token)).body.error_code;
    };
    expect(await put()).toBe('reauthentication_needed');
    expect((await call('GET', '/reauthenticate', undefined, body.access_token)).status).toBe(200);
    expect(await put('000')).toBe('reauthentication_not_valid');
    const secretKeyToken = await createRoleTokens(signingKey)('service_role');
    const mails = await call('GET', '/admin/mails', undefined, secretKeyToken);
    const { code } = mails.body.find(({ to }: { to: string }) => to === email);
    expect(await put(code)).toBeUndefined();
  });

  it('is open only to the secret key', async () => {
    expect((await send('/admin/mails')).status).toBe(403);
    expect((await send('/admin/mails', { key: secretKey })).status).toBe(200);
  });
});
