import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { describe, expect, inject, it } from 'vitest';
import { createSupabase, newUser, request } from '../support/personas.ts';

const { secretKey } = inject('stack');
const password = 'a password of some length';

/** Whether the routes accept a token. */
async function opens(token: string | undefined): Promise<boolean> {
  const response = await request('GET', '/api/v1/proxy/keys', { token: token ?? '' });
  return response.status === 200;
}

describe('a developer', () => {
  it('signs up, and can mint by RPC and list by route at once', async () => {
    const supabase = createSupabase();
    const email = `${randomUUID()}@example.com`;
    const { data, error } = await supabase.auth.signUp({ email, password });
    expect(error).toBeNull();
    expect(data.user).toMatchObject({ email, role: 'authenticated' });
    const minted = await supabase.rpc('mint_proxy_key', { label: 'first' });
    expect(minted).toMatchObject({ error: null, data: { label: 'first' } });
    expect(await opens(data.session?.access_token)).toBe(true);
  });

  it('signs in elsewhere and finds the same keys', async () => {
    const here = createSupabase();
    const email = `${randomUUID()}@example.com`;
    await here.auth.signUp({ email, password });
    const { data: minted } = await here.rpc('mint_proxy_key', { label: 'shared' });
    const elsewhere = createSupabase();
    const { error } = await elsewhere.auth.signInWithPassword({ email, password });
    expect(error).toBeNull();
    const { data } = await elsewhere.from('proxy_key_summaries').select('id, label');
    expect(data).toEqual([{ id: minted?.id, label: 'shared' }]);
  });

  it('refreshes the session and continues as the same user', async () => {
    const { id, supabase } = await newUser();
    const { data: before } = await supabase.auth.getSession();
    const { data: after, error } = await supabase.auth.refreshSession();
    expect(error).toBeNull();
    expect(after.session?.refresh_token).not.toBe(before.session?.refresh_token);
    expect(after.user?.id).toBe(id);
    expect(await opens(after.session?.access_token)).toBe(true);
    expect(await supabase.rpc('list_proxy_keys')).toMatchObject({
      error: null,
      data: { items: [], next_cursor: null },
    });
  });

  it('signs out and is anonymous afterwards', async () => {
    const { supabase } = await newUser();
    const { data } = await supabase.auth.getSession();
    expect((await supabase.auth.signOut()).error).toBeNull();
    expect(await supabase.rpc('mint_proxy_key', { label: 'late' })).toMatchObject({
      status: 401,
      error: { code: '42501' },
    });
    const { error } = await createSupabase().auth.refreshSession({
      refresh_token: data.session?.refresh_token ?? '',
    });
    expect(error).toMatchObject({ status: 400, code: 'refresh_token_not_found' });
  });
});

describe('an operator', () => {
  it('makes an admin with the secret key, who can then reactivate keys', async () => {
    const owner = await newUser();
    const { data: key } = await owner.supabase.rpc('mint_proxy_key', { label: 'back' });
    const id = key?.id ?? '';
    await owner.supabase.rpc('delete_proxy_key', { id });

    const email = `${randomUUID()}@example.com`;
    const made = await createSupabase(secretKey).auth.admin.createUser({
      email,
      password,
      email_confirm: true,
      app_metadata: { role: 'admin' },
    });
    expect(made).toMatchObject({
      error: null,
      data: { user: { app_metadata: { role: 'admin' } } },
    });
    const admin = createSupabase();
    const { data } = await admin.auth.signInWithPassword({ email, password });
    expect(decodeJwt(data.session?.access_token ?? '')).toMatchObject({
      sub: made.data.user?.id,
      app_metadata: { role: 'admin' },
    });
    expect(await admin.rpc('reactivate_proxy_key', { id })).toMatchObject({
      error: null,
      data: { id, active: true, deleted_at: null },
    });
  });

  it('cannot do so with the publishable key, nor can a user who signs in', async () => {
    const attributes = { email: `${randomUUID()}@example.com`, password };
    const { supabase } = await newUser();
    for (const client of [createSupabase(), supabase]) {
      const { error } = await client.auth.admin.createUser(attributes);
      expect(error?.status).toBeGreaterThanOrEqual(401);
      expect(error?.status).toBeLessThanOrEqual(403);
    }
    const { error } = await createSupabase().auth.signInWithPassword(attributes);
    expect(error).toMatchObject({ code: 'invalid_credentials' });
  });
});
