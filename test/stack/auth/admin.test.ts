import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { describe, expect, inject, it } from 'vitest';
import { realAuth } from '../../support/real-auth.ts';
import { client, newEmail, outcome, password, seedUser, send, signUp, sql } from './auth-client.ts';

const { secretKey } = inject('stack');

describe('an administrator', () => {
  const { admin } = client(secretKey).auth;

  it('creates a user whose role is in the token', async () => {
    const email = newEmail();
    const id = randomUUID();
    const { data, error } = await admin.createUser({
      id,
      email,
      password,
      email_confirm: true,
      app_metadata: { role: 'admin' },
      user_metadata: { name: 'Grace' },
    });
    expect(error).toBeNull();
    expect(data.user?.id).toBe(id);
    const signedIn = await client().auth.signInWithPassword({ email, password });
    expect(decodeJwt(signedIn.data.session?.access_token ?? '')).toMatchObject({
      role: 'authenticated',
      app_metadata: { provider: 'email', providers: ['email'], role: 'admin' },
      user_metadata: { name: 'Grace' },
    });
    const taken = await admin.createUser({ email, password });
    expect(taken.error).toMatchObject({ status: 422, code: 'email_exists' });
  });

  it('creates users who cannot sign in: unconfirmed, without a password, or banned', async () => {
    const cases = [
      [{ password }, 'email_not_confirmed'],
      [{ email_confirm: true }, 'invalid_credentials'],
      [{ password, email_confirm: true, ban_duration: '24h' }, 'user_banned'],
    ] as const;
    for (const [attributes, code] of cases) {
      const email = newEmail();
      expect((await admin.createUser({ email, ...attributes })).error).toBeNull();
      const { error } = await client().auth.signInWithPassword({ email, password });
      expect(error).toMatchObject({ status: 400, code });
    }
  });

  it('reads, changes and deletes a user', async () => {
    const { user, supabase, session } = await signUp();
    const other = await signUp();
    const email = newEmail();
    const changed = await admin.updateUserById(user.id, {
      email,
      password: 'battery staple',
      app_metadata: { role: 'admin' },
    });
    expect(changed.data.user).toMatchObject({
      email,
      app_metadata: { provider: 'email', role: 'admin' },
    });
    expect((await supabase.auth.getUser()).error).not.toBeNull();
    const clash = await admin.updateUserById(user.id, { email: other.email });
    // Supabase Auth learns it only from the database's error, and reports no reason
    expect(clash.error).toMatchObject(realAuth ? { status: 500 } : { code: 'email_exists' });
    expect((await admin.getUserById(user.id)).data.user).toMatchObject({
      email,
      identities: [{ identity_data: { email } }],
    });

    expect((await admin.deleteUser(user.id)).error).toBeNull();
    const gone = await admin.getUserById(user.id);
    expect(gone.error).toMatchObject({ status: 404, code: 'user_not_found' });
    const orphan = await send('/user', { token: session.access_token });
    expect(await outcome(orphan)).toEqual({ status: 403, code: 'user_not_found' });
  });

  // in this file, as no other test lists users meanwhile: a null breaks every list
  it('cannot list users while a seeded one has null token columns; that user cannot sign in either', async () => {
    const email = newEmail();
    const id = await seedUser(email, null);
    const body = JSON.stringify({ email, password });
    const signIn = await send('/token?grant_type=password', { method: 'POST', body });
    const list = await send('/admin/users', { key: secretKey });
    await sql`delete from auth.users where id = ${id}`;
    const failed = { status: 500, code: 'unexpected_failure' };
    expect([await outcome(signIn), await outcome(list)]).toEqual([failed, failed]);
  });

  it('lists users page by page', async () => {
    const newest = [await signUp(), await signUp()].map(({ user }) => user.id).reverse();
    const { data, error } = await admin.listUsers({ page: 1, perPage: 1 });
    expect(error).toBeNull();
    expect(data.users.length).toBe(1);
    expect(data).toMatchObject({ aud: 'authenticated', nextPage: 2, total: expect.any(Number) });
    const ids: string[] = [];
    for (let page: number | null = 1; page !== null; ) {
      const { data: found, error: failed }: Awaited<ReturnType<typeof admin.listUsers>> =
        await admin.listUsers({ page, perPage: 1000 });
      expect(failed).toBeNull();
      ids.push(...found.users.map(({ id }) => id).filter((id) => newest.includes(id)));
      page = 'nextPage' in found ? found.nextPage : null;
    }
    expect(ids).toEqual(newest);
    const response = await send('/admin/users?page=x', { key: secretKey });
    expect(await outcome(response)).toEqual({ status: 400, code: 'validation_failed' });
  });
});
