import { createHmac } from 'node:crypto';
import { decodeJwt } from 'jose';
import { describe, expect, it } from 'vitest';
import { realAuth } from '../../support/real-auth.ts';
import { client, password, signUp } from './auth-client.ts';

/** The code that an authenticator shows now for a secret in base32 (RFC 6238). */
function totp(secret: string): string {
  const bits = [...secret]
    .map((letter) =>
      'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'),
    )
    .join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const digest = createHmac('sha1', key).update(counter).digest();
  const offset = (digest.at(-1) ?? 0) & 15;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

// the stand-in knows no second factor, and answers 501
describe.runIf(realAuth)('a second factor', () => {
  it('raises the level of the session that proves it, and of no other', async () => {
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
    // what this product gives does not depend on the level
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
});
