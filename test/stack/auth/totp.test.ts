import { decodeJwt } from 'jose';
import { describe, expect, it } from 'vitest';
import { totpAt } from '../../../scripts/stack/auth/totp.ts';
import { client, password, refresh, signUp } from './auth-client.ts';

const totp = (secret: string) => totpAt(secret, Date.now());

describe('a second factor', () => {
  it('raises the level of only the session that proves it', async () => {
    const { supabase, email } = await signUp();
    const { mfa } = supabase.auth;
    const enrolled = await mfa.enroll({ factorType: 'totp' });
    if (enrolled.error) throw enrolled.error;
    const { id: factorId, totp: shown } = enrolled.data;
    const wrong = await mfa.challengeAndVerify({ factorId, code: '000000' });
    expect(wrong.error).toMatchObject({ status: 422, code: 'mfa_verification_failed' });
    const verified = await mfa.challengeAndVerify({ factorId, code: totp(shown.secret) });
    expect(verified.error).toBeNull();
    const claims = decodeJwt<{ amr: { method: string }[] }>(verified.data?.access_token ?? '');
    expect(claims.aal).toBe('aal2');
    expect(claims.amr.map(({ method }) => method).sort()).toEqual(['password', 'totp']);
    // this product's permissions do not depend on the level
    expect((await supabase.rpc('mint_proxy_key', { label: 'key' })).error).toBeNull();

    const other = client();
    const signedIn = await other.auth.signInWithPassword({ email, password });
    expect(decodeJwt(signedIn.data.session?.access_token ?? '').aal).toBe('aal1');
    expect((await other.auth.mfa.getAuthenticatorAssuranceLevel()).data).toMatchObject({
      currentLevel: 'aal1',
      nextLevel: 'aal2',
    });
    const changed = await other.auth.updateUser({ password: 'battery staple' });
    expect(changed.error).toMatchObject({ status: 401, code: 'insufficient_aal' });
  });

  it('ends the sessions without it once it is verified, and is required for its own removal', async () => {
    const { supabase, email } = await signUp();
    const other = client();
    const { data } = await other.auth.signInWithPassword({ email, password });
    const enrolled = await supabase.auth.mfa.enroll({ factorType: 'totp', friendlyName: 'phone' });
    if (enrolled.error) throw enrolled.error;
    const { id: factorId, totp: shown } = enrolled.data;
    const same = await supabase.auth.mfa.enroll({ factorType: 'totp', friendlyName: 'phone' });
    expect(same.error).toMatchObject({ status: 422, code: 'mfa_factor_name_conflict' });
    const code = totp(shown.secret);
    expect((await supabase.auth.mfa.challengeAndVerify({ factorId, code })).error).toBeNull();
    const ended = await refresh(data.session?.refresh_token ?? '');
    expect(ended.error).toMatchObject({ status: 400, code: 'refresh_token_not_found' });
    expect((await supabase.auth.mfa.listFactors()).data?.totp).toMatchObject([
      { id: factorId, friendly_name: 'phone', status: 'verified' },
    ]);

    const thief = client();
    await thief.auth.signInWithPassword({ email, password });
    const refused = await thief.auth.mfa.unenroll({ factorId });
    expect(refused.error).toMatchObject({ code: 'insufficient_aal' });
    const another = await thief.auth.mfa.enroll({ factorType: 'totp', friendlyName: 'theirs' });
    expect(another.error).toMatchObject({ code: 'insufficient_aal' });

    // a refresh keeps the level, and removing the factor lowers it
    const refreshed = await supabase.auth.refreshSession();
    expect(decodeJwt(refreshed.data.session?.access_token ?? '').aal).toBe('aal2');
    expect((await supabase.auth.mfa.unenroll({ factorId })).error).toBeNull();
    const lowered = await supabase.auth.refreshSession();
    expect(decodeJwt(lowered.data.session?.access_token ?? '').aal).toBe('aal1');
  });

  it('cannot be used by another user', async () => {
    const [{ supabase }, stranger] = [await signUp(), await signUp()];
    const { data } = await supabase.auth.mfa.enroll({ factorType: 'totp' });
    const factorId = data?.id ?? '';
    const asked = await stranger.supabase.auth.mfa.challenge({ factorId });
    expect(asked.error).toMatchObject({ status: 404, code: 'mfa_factor_not_found' });
    const removed = await stranger.supabase.auth.mfa.unenroll({ factorId });
    expect(removed.error).toMatchObject({ status: 404, code: 'mfa_factor_not_found' });
  });
});
