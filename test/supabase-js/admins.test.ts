import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { askBy, expectSameAnswer, expectSameRefusal } from '../support/both-ways.ts';
import { type BothWays, type Caller, callerWith, calls } from '../support/calls.ts';
import { mintKey } from '../support/key-scenes.ts';
import { createSupabase, newAdmin, newUser, type Persona, signToken } from '../support/personas.ts';
import { type ByVersion, byVersion } from '../support/postgrest-version.ts';

const { secretKey } = inject('stack');
const reason = 'Because.';
let admin: Persona;
let user: Persona;
let id: string;

beforeAll(async () => {
  [admin, user] = await Promise.all([newAdmin(), newUser()]);
  id = (await mintKey(user)).id;
});

/** Everything that only admins may do, in an order in which all of it succeeds. */
const actions: Record<string, (by: Caller) => BothWays> = {
  'find keys': (by) => calls.findKeys(by, { user: user.id }),
  suspend: (by) => calls.suspend(by, id, { reason }),
  reactivate: (by) => calls.reactivate(by, id, { reason }),
  limit: (by) =>
    calls.limit(by, id, { bandwidthLimitBytes: 5, rateLimit: 5, tunnelLimit: 5, reason }),
  grant: (by) => calls.grant(by, { user: user.id, tier: 'enterprise', reason }),
  'list grants': (by) => calls.findGrants(by, { user: user.id }),
  revoke: (by) => calls.revoke(by, { user: user.id, tier: 'enterprise', reason }),
};

describe.each(Object.entries(actions))('%s', (_name, act) => {
  it('is done by an admin, with the same answer over HTTP and RPC', async () => {
    await expectSameAnswer(act(admin));
  });

  it.each<[string, () => Promise<Caller> | Caller]>([
    ['a user', () => user],
    [
      'a user who claims to be admin in user_metadata',
      async () => {
        const { supabase } = await newUser();
        await supabase.auth.updateUser({
          data: { role: 'admin', app_metadata: { role: 'admin' } },
        });
        const { data } = await supabase.auth.refreshSession();
        return callerWith(data.session?.access_token ?? '');
      },
    ],
    ['a token with the role Admin', () => claiming({ role: 'Admin' })],
    ['a token with a list of roles', () => claiming({ role: ['admin'] })],
    ['a token whose role is true', () => claiming({ role: true, admin: true })],
    ['a token with roles', () => claiming({ roles: ['admin'], admin: true })],
    ['a token whose app_metadata is text', () => claiming('admin')],
    ['a token whose app_metadata is null', () => claiming(null)],
    ['a token without app_metadata', () => claiming(undefined)],
  ])('is forbidden to %s, alike over HTTP and RPC', async (_, who) => {
    await expectSameRefusal(act(await who()), 403, 'forbidden');
  });

  it.each<[string, () => Promise<Caller> | Caller, number, ByVersion<string>]>([
    [
      'the secret key, which is not an admin',
      () => ({ headers: { apikey: secretKey }, supabase: createSupabase(secretKey) }),
      403,
      { 12: '42501' },
    ],
    [
      'an admin whose token has expired',
      () => claimingAsAdmin({ exp: Math.floor(Date.now() / 1000) - 60 }),
      401,
      { 12: 'PGRST301', 13: 'PGRST303' },
    ],
    [
      "an admin's claims in an anonymous token",
      () => claimingAsAdmin({ role: 'anon' }),
      401,
      { 12: '42501' },
    ],
  ])('is refused to %s', async (_, who, status, codes) => {
    const call = act(await who());
    const refused = { data: null, items: [] };
    expect(await askBy.route(call)).toMatchObject({
      status: 401,
      code: 'unauthorized',
      ...refused,
    });
    // PostgREST answers before a function runs, with its own code
    const code = await byVersion(codes);
    expect(await askBy.rpc(call)).toMatchObject({ status, code, ...refused });
  });

  it('is refused to a token that names no user, alike over HTTP and RPC', async () => {
    const call = act(await claimingAsAdmin({ sub: undefined }));
    await expectSameRefusal(call, 401, 'unauthorized');
  });
});

const claiming = async (app_metadata: unknown): Promise<Caller> =>
  callerWith(await signToken({ ...decodeJwt(user.token), app_metadata }));

const claimingAsAdmin = async (claims: Record<string, unknown>): Promise<Caller> =>
  callerWith(await signToken({ ...decodeJwt(admin.token), ...claims }));

describe('the typed client of an admin', () => {
  it('supports all of these actions', async () => {
    const { id: key } = await mintKey(user);
    const path = { id: key };
    const suspended = await admin.api.POST('/admin/proxy/keys/{id}/suspend', {
      params: { path },
      body: { reason },
    });
    expect(suspended.data?.key).toMatchObject({ active: false, suspendedReason: reason });
    const reactivated = await admin.api.POST('/admin/proxy/keys/{id}/reactivate', {
      params: { path },
    });
    expect(reactivated.data?.key).toMatchObject({ active: true });
    const limited = await admin.api.PATCH('/admin/proxy/keys/{id}/limits', {
      params: { path },
      body: { rateLimit: 3, tunnelLimit: 4, reason },
    });
    expect(limited.data?.key).toMatchObject({ rateLimit: 3, tunnelLimit: 4 });
    const found = await admin.api.GET('/admin/proxy/keys', { params: { query: { keyId: key } } });
    expect(found.data).toMatchObject([{ id: key, email: user.email, tunnelLimit: 4 }]);
    const body = { user: user.email, tier: 'enterprise', reason };
    const granted = await admin.api.POST('/admin/proxy/grants', { body });
    expect(granted.data?.grant).toMatchObject({ userId: user.id, grantedBy: admin.id });
    const grants = await admin.api.GET('/admin/proxy/grants', {
      params: { query: { user: user.id } },
    });
    expect(grants.data).toMatchObject([{ tier: 'enterprise', email: user.email }]);
    const revoked = await admin.api.POST('/admin/proxy/grants/revoke', { body });
    expect(revoked.response.status).toBe(204);
    const refused = await admin.api.POST('/admin/proxy/keys/{id}/suspend', {
      params: { path: { id: randomUUID() } },
      body: { reason },
    });
    expect(refused.error?.code).toBe('not_found');
  });
});

describe("a user's email address", () => {
  it("is only in answers to admins, not even in the user's own", async () => {
    await askBy.rpc(calls.grant(admin, { user: user.email, tier: 'team', reason }));
    await askBy.rpc(calls.suspend(admin, id, { reason }));
    const answers = [
      ...(await Promise.all(
        [
          '/api/v1/proxy/keys',
          `/api/v1/proxy/keys/${id}`,
          `/api/v1/proxy/keys/${id}/events`,
          '/api/v1/proxy/usage',
          '/api/v1/proxy/usage/keys',
        ].map(async (path) => (await user.request('GET', path)).text()),
      )),
      ...(
        await Promise.all([
          user.supabase.from('proxy_key_summaries').select(),
          user.supabase.rpc('list_proxy_keys'),
          user.supabase.rpc('get_proxy_key', { id }),
          user.supabase.rpc('list_proxy_key_events', { id }),
          user.supabase.rpc('list_proxy_key_audit'),
          user.supabase.rpc('list_own_proxy_tier_grants'),
        ])
      ).map(({ data, error }) => {
        expect(error).toBeNull();
        return JSON.stringify(data);
      }),
    ];
    for (const answer of answers) {
      expect(answer).not.toContain(user.email);
      expect(answer).not.toContain(admin.email);
    }
    expect(answers.join()).toContain(admin.id);
  });
});
