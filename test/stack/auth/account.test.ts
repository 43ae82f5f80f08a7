import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import {
  client,
  issuer,
  newEmail,
  outcome,
  password,
  refresh,
  seedUser,
  send,
  signUp,
} from './auth-client.ts';

describe('a user', () => {
  it('holds a token that the JWKS verifies, with the claims of Supabase', async () => {
    const { session, user, email } = await signUp();
    const jwks = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
    const { payload, protectedHeader } = await jwtVerify(session.access_token, jwks, {
      audience: 'authenticated',
      algorithms: ['ES256'],
    });
    expect(protectedHeader.kid).toBeTruthy();
    expect(payload).toMatchObject({
      iss: expect.stringMatching(/\/auth\/v1$/),
      sub: user.id,
      email,
      phone: '',
      role: 'authenticated',
      aal: 'aal1',
      amr: [{ method: 'password', timestamp: expect.any(Number) }],
      app_metadata: { provider: 'email', providers: ['email'] },
      user_metadata: user.user_metadata,
      session_id: expect.any(String),
      is_anonymous: false,
    });
    expect(Number(payload.exp) - Number(payload.iat)).toBe(3600);
    expect(Math.abs(Number(payload.iat) - Date.now() / 1000)).toBeLessThan(60);
    expect(session.expires_at).toBe(payload.exp);
  });

  it('reads their own record, which contains no secrets', async () => {
    const { supabase, user } = await signUp();
    const { data, error } = await supabase.auth.getUser();
    expect(error).toBeNull();
    expect(data.user?.id).toBe(user.id);
    expect(JSON.stringify(data.user)).not.toMatch(/\$2|token|password/);
  });

  it('merges their metadata: null removes a key', async () => {
    const { supabase, user, email } = await signUp();
    await supabase.auth.updateUser({ data: { name: 'Ada', city: 'London', nested: { a: null } } });
    const { data } = await supabase.auth.updateUser({ data: { city: null, born: 1815 } });
    expect(data.user?.user_metadata).toEqual({
      sub: user.id,
      email,
      email_verified: true,
      phone_verified: false,
      name: 'Ada',
      nested: { a: null },
      born: 1815,
    });
  });

  it('cannot change app_metadata or role', async () => {
    const { supabase, user, email } = await signUp();
    const claim = { app_metadata: { role: 'admin' } } as object;
    const refused = await supabase.auth.updateUser(claim);
    expect(refused.error).toMatchObject({ status: 403, code: 'not_admin' });
    const { error } = await supabase.auth.updateUser({
      data: { app_metadata: { role: 'admin' } },
      role: 'service_role',
      raw_app_meta_data: { role: 'admin' },
    } as object);
    expect(error).toBeNull();
    const { data } = await client().auth.signInWithPassword({ email, password });
    expect(data.user?.app_metadata).toEqual(user.app_metadata);
    expect(data.user?.role).toBe('authenticated');
    expect(decodeJwt(data.session?.access_token ?? '').role).toBe('authenticated');
  });

  it('cannot set app_metadata or a role at sign-up', async () => {
    const response = await send('/signup', {
      method: 'POST',
      body: JSON.stringify({
        email: newEmail(),
        password,
        role: 'service_role',
        app_metadata: { role: 'admin' },
      }),
    });
    const { user } = (await response.json()) as { user: { app_metadata: object; role: string } };
    expect(user.app_metadata).toEqual({ provider: 'email', providers: ['email'] });
    expect(user.role).toBe('authenticated');
  });

  it('changes the password, which ends their other sessions', async () => {
    const { supabase, email } = await signUp();
    const other = await client().auth.signInWithPassword({ email, password });
    const same = await supabase.auth.updateUser({ password });
    expect(same.error).toMatchObject({ status: 422, code: 'same_password' });
    const changed = await supabase.auth.updateUser({ password: 'battery staple' });
    expect(changed.error).toBeNull();
    const old = await refresh(other.data.session?.refresh_token ?? '');
    expect(old.error).toMatchObject({ status: 400, code: 'refresh_token_not_found' });
    expect((await supabase.auth.refreshSession()).error).toBeNull();
    const again = await client().auth.signInWithPassword({ email, password });
    expect(again.error).toMatchObject({ status: 400, code: 'invalid_credentials' });
  });

  it('signs out of this session, the others, or all', async () => {
    const { email, supabase: first, session } = await signUp();
    const second = client();
    await second.auth.signInWithPassword({ email, password });
    expect((await second.auth.signOut({ scope: 'local' })).error).toBeNull();
    expect((await first.auth.getUser()).error).toBeNull();

    const third = client();
    const { data } = await third.auth.signInWithPassword({ email, password });
    await third.auth.signOut({ scope: 'others' });
    const killed = await refresh(session.refresh_token);
    expect(killed.error).toMatchObject({ status: 400, code: 'refresh_token_not_found' });
    expect((await third.auth.getUser()).error).toBeNull();

    const fourth = client();
    await fourth.auth.signInWithPassword({ email, password });
    await fourth.auth.signOut({ scope: 'global' });
    const token = data.session?.access_token ?? '';
    expect(await outcome(await send('/user', { token }))).toEqual({
      status: 403,
      code: 'session_not_found',
    });
  });

  it.each([
    ['plainly', newEmail()],
    ['with an address in capitals', newEmail().toUpperCase()],
  ])('from seed SQL can sign in: %s', async (_, email) => {
    await seedUser(email, '');
    const { data, error } = await client().auth.signInWithPassword({ email, password });
    expect(error).toBeNull();
    expect(data.user?.app_metadata.role).toBe('admin');
    const again = await client().auth.signUp({ email, password });
    expect(again.error).toMatchObject({ status: 422, code: 'user_already_exists' });
  });
});
