import { describe, expect, it } from 'vitest';
import { realAuth } from '../../support/real-auth.ts';
import { client, newEmail, password, signUp } from './auth-client.ts';

describe('a visitor', () => {
  it('signs up and has a session at once', async () => {
    const email = newEmail();
    const { data, error } = await client().auth.signUp({
      email: email.toUpperCase(),
      password,
      options: { data: { name: 'Ada' } },
    });
    expect(error).toBeNull();
    expect(data.session).toMatchObject({ token_type: 'bearer', expires_in: 3600 });
    expect(data.user).toMatchObject({
      email,
      aud: 'authenticated',
      role: 'authenticated',
      app_metadata: { provider: 'email', providers: ['email'] },
      user_metadata: { name: 'Ada' },
      identities: [{ provider: 'email', id: data.user?.id, identity_data: { email } }],
    });
    expect(data.user?.email_confirmed_at).toBeTruthy();
  });

  it('gets user_already_exists for a registered address, whatever its case', async () => {
    const { email } = await signUp();
    const { error } = await client().auth.signUp({ email: email.toUpperCase(), password });
    expect(error).toMatchObject({ status: 422, code: 'user_already_exists' });
  });

  it('gets one account from two concurrent sign-ups', async () => {
    const credentials = { email: newEmail(), password };
    const results = await Promise.all([1, 2].map(() => client().auth.signUp(credentials)));
    expect(results.map(({ error }) => error === null).sort()).toEqual([false, true]);
    const refused = results.find(({ error }) => error !== null);
    // Supabase Auth reports the database's error
    expect(refused?.error).toMatchObject(
      realAuth ? { status: 500 } : { code: 'user_already_exists' },
    );
  });

  it.each([
    ['a short password', { email: newEmail(), password: '12345' }, 422, 'weak_password'],
    [
      'a password that is too long',
      { email: newEmail(), password: 'x'.repeat(73) },
      400,
      'validation_failed',
    ],
    ['no password', { email: newEmail(), password: '' }, 400, 'validation_failed'],
    ['no address', { email: '', password }, 422, 'anonymous_provider_disabled'],
    ['an invalid address', { email: 'nobody', password }, 400, 'validation_failed'],
    ['a null character', { email: `a\0${newEmail()}`, password }, 400, 'validation_failed'],
  ])('is refused with %s', async (_, credentials, status, code) => {
    const { error } = await client().auth.signUp(credentials);
    expect(error).toMatchObject({ status, code });
  });

  // Postgres, which hashes for the local Auth server, refuses such text
  it.skipIf(realAuth)('is refused with a null character in the password', async () => {
    const { error } = await client().auth.signUp({ email: newEmail(), password: 'abcdef\0' });
    expect(error).toMatchObject({ status: 400, code: 'validation_failed' });
  });

  it('signs in with the password', async () => {
    const { email, user } = await signUp();
    const { data, error } = await client().auth.signInWithPassword({ email, password });
    expect(error).toBeNull();
    expect(data.user?.id).toBe(user.id);
    expect(data.user?.last_sign_in_at).toBeTruthy();
  });

  it('gets the same refusal for a wrong password and an unknown address', async () => {
    const { email } = await signUp();
    const wrong = await client().auth.signInWithPassword({ email, password: 'incorrect' });
    const unknown = await client().auth.signInWithPassword({ email: newEmail(), password });
    expect(wrong.error).toMatchObject({ status: 400, code: 'invalid_credentials' });
    expect(unknown.error).toEqual(wrong.error);
  });
});
