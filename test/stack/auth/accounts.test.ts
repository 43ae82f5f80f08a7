import { describe, expect, inject, it } from 'vitest';
import { request } from '../../support/personas.ts';
import { client, outcome, password, refresh, send, signUp, sql } from './auth-client.ts';

const { secretKey } = inject('stack');
const { admin } = client(secretKey).auth;

/** A user with a key. */
async function keyOwner() {
  const owner = await signUp();
  const minted = await owner.supabase.rpc('mint_proxy_key', { label: 'key' });
  const { key_id: keyId } = minted.data as { key_id: string };
  const token = owner.session.access_token;
  return {
    ...owner,
    keyId,
    /** The status of the list of keys with the user's token. */
    list: async () => (await request('GET', '/api/v1/proxy/keys', { token })).status,
    isBarred: async () => {
      const [row] = await sql`
        select owner_barred_until > now() as barred from proxy_private.proxy_keys where key_id = ${keyId}`;
      return row?.barred ?? false;
    },
  };
}

describe('an account that is changed through Auth', () => {
  it('is banned and unbanned together with its keys', async () => {
    const { user, list, isBarred } = await keyOwner();
    expect([await list(), await isBarred()]).toEqual([200, false]);
    expect((await admin.updateUserById(user.id, { ban_duration: '1h' })).error).toBeNull();
    expect([await list(), await isBarred()]).toEqual([401, true]);
    expect((await admin.updateUserById(user.id, { ban_duration: 'none' })).error).toBeNull();
    expect([await list(), await isBarred()]).toEqual([200, false]);
  });

  it('is deleted permanently: its key is kept without an owner, out of service', async () => {
    const { user, list, keyId } = await keyOwner();
    expect((await admin.deleteUser(user.id)).error).toBeNull();
    expect(await list()).toBe(401);
    const [row] = await sql`
      select user_id as owner, deleted_at is not null as deleted
      from proxy_private.proxy_keys where key_id = ${keyId}`;
    expect(row).toEqual({ owner: null, deleted: true });
  });

  it('is soft-deleted: the account and its keys are out of service, and its address is free', async () => {
    const { user, email, session, list, isBarred } = await keyOwner();
    expect((await admin.deleteUser(user.id, true)).error).toBeNull();
    expect([await list(), await isBarred()]).toEqual([401, true]);

    const left = await admin.getUserById(user.id);
    expect(left.data.user).toMatchObject({
      id: user.id,
      deleted_at: expect.any(String),
      app_metadata: {},
      user_metadata: {},
    });
    expect(JSON.stringify(left.data)).not.toContain(email);
    expect(await outcome(await send('/user', { token: session.access_token }))).toEqual({
      status: 403,
      code: 'session_not_found',
    });
    expect((await refresh(session.refresh_token)).error?.status).toBe(400);
    const signIn = await client().auth.signInWithPassword({ email, password });
    expect(signIn.error).toMatchObject({ status: 400, code: 'invalid_credentials' });
    expect((await signUp(email)).user.id).not.toBe(user.id);
    // deleting it again is not an error
    expect((await admin.deleteUser(user.id, true)).error).toBeNull();
  });
});
