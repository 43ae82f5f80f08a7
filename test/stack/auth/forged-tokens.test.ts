import {
  decodeJwt,
  decodeProtectedHeader,
  generateKeyPair,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from 'jose';
import { describe, expect, it } from 'vitest';
import { age, client, newEmail, outcome, password, refresh, send, signUp } from './auth-client.ts';

describe('an attacker', () => {
  it('who reuses a refresh token ends the whole session, including its newest token', async () => {
    const { session } = await signUp();
    const second = await refresh(session.refresh_token);
    const third = await refresh(second.data.session?.refresh_token ?? '');
    await age(session.access_token, 11);
    const stolen = await refresh(session.refresh_token);
    expect(stolen.error).toMatchObject({ status: 400, code: 'refresh_token_already_used' });
    // a tab that missed a refresh may still send the previous token for ten seconds
    await age(session.access_token, 11);
    const owner = await refresh(third.data.session?.refresh_token ?? '');
    expect(owner.error).toMatchObject({ status: 400, code: 'refresh_token_already_used' });
  });

  it('cannot guess refresh tokens', async () => {
    const { error } = await refresh('x'.repeat(12));
    expect(error).toMatchObject({ status: 400, code: 'refresh_token_not_found' });
  });

  it('is refused with tokens that this stack did not sign, or that are not for a user', async () => {
    const { session } = await signUp();
    const claims: JWTPayload = decodeJwt(session.access_token);
    const { kid = '' } = decodeProtectedHeader(session.access_token);
    const { privateKey } = await generateKeyPair('ES256');
    const [header, body, signature = ''] = session.access_token.split('.');
    const altered = Buffer.from(JSON.stringify({ ...claims, role: 'service_role' }));
    const forged = [
      new UnsecuredJWT(claims).encode(),
      await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey),
      await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', kid })
        .sign(new TextEncoder().encode(await (await send('/.well-known/jwks.json')).text())),
      [header, altered.toString('base64url'), signature].join('.'),
      [header, body, ''].join('.'),
      'nonsense',
    ];
    for (const token of forged) {
      for (const path of ['/user', '/admin/users']) {
        expect(await outcome(await send(path, { token }))).toEqual({
          status: 403,
          code: 'bad_jwt',
        });
      }
    }
    // the gateway sends the token of the key's role here
    expect(await outcome(await send('/user'))).toEqual({ status: 403, code: 'bad_jwt' });
    expect((await send('/user', { token: session.access_token })).status).toBe(200);
  });

  it('cannot use an admin route with the publishable key or an access token', async () => {
    const { supabase, user, session } = await signUp();
    const { admin } = supabase.auth;
    const attempts = await Promise.all([
      admin.listUsers(),
      admin.getUserById(user.id),
      admin.createUser({ email: newEmail(), password }),
      admin.updateUserById(user.id, { app_metadata: { role: 'admin' } }),
      admin.deleteUser(user.id),
      client().auth.admin.listUsers(),
    ]);
    for (const { error } of attempts)
      expect(error).toMatchObject({ status: 403, code: 'not_admin' });
    const unknown = await send('/admin/anything', { token: session.access_token });
    expect((await outcome(unknown)).code).toBe('not_admin');
  });
});
