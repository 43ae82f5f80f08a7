import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { type AdminWay, adminWays } from '../functions/admin/admin-ways.ts';
import { mintKey } from '../support/key-scenes.ts';
import {
  createSupabase,
  newAdmin,
  newUser,
  type Persona,
  request,
  signToken,
} from '../support/personas.ts';
import { callerWith } from './both-ways.ts';

const { secretKey } = inject('stack');
const reason = 'Because.';
let admin: Persona;
let user: Persona;
let id: string;

beforeAll(async () => {
  [admin, user] = await Promise.all([newAdmin(), newUser()]);
  id = (await mintKey(user)).id;
});

/** All that only admins may do; in an order in which all of it succeeds. */
const actions: Record<string, (way: AdminWay, by: Persona) => ReturnType<AdminWay['find']>> = {
  'find keys': (way, by) => way.find(by, { user: user.id }),
  suspend: (way, by) => way.suspend(by, id, { reason }),
  reactivate: (way, by) => way.reactivate(by, id, { reason }),
  limit: (way, by) =>
    way.limit(by, id, { bandwidthLimitBytes: 5, rateLimit: 5, tunnelLimit: 5, reason }),
  grant: (way, by) => way.grant(by, { user: user.id, tier: 'enterprise', reason }),
  'list grants': (way, by) => way.listGrants(by, { user: user.id }),
  revoke: (way, by) => way.revoke(by, { user: user.id, tier: 'enterprise', reason }),
};

/** A persona of whom only the token matters. */
function bearer(token: string): Persona {
  return {
    ...admin,
    token,
    supabase: callerWith(token).supabase,
    request: (method, path, body) => request(method, path, { token, body }),
  };
}

/** Who sends no token of a user, but at most an API key. */
function withoutUser(key?: string): Persona {
  return {
    ...admin,
    supabase: createSupabase(key),
    request: (method, path, body) =>
      request(method, path, { body, ...(key === undefined ? {} : { headers: { apikey: key } }) }),
  };
}

describe.each(Object.entries(actions))('%s', (_name, act) => {
  it('is done by an admin, both ways with the same answer', async () => {
    const [route, rpc] = [await act(adminWays.route, admin), await act(adminWays.rpc, admin)];
    expect(route.code).toBeNull();
    expect({ status: rpc.status, code: rpc.code }).toEqual({ status: route.status, code: null });
    expect(rpc.items).toMatchObject(route.items);
    expect(rpc.data ?? {}).toMatchObject(route.data ?? {});
  });

  it.each<[string, () => Promise<Persona> | Persona]>([
    ['a user', () => user],
    [
      'a user who calls themselves admin in user_metadata',
      async () => {
        const { supabase } = await newUser();
        await supabase.auth.updateUser({
          data: { role: 'admin', app_metadata: { role: 'admin' } },
        });
        const { data } = await supabase.auth.refreshSession();
        return bearer(data.session?.access_token ?? '');
      },
    ],
    ['a token that says Admin', () => claiming({ role: 'Admin' })],
    ['a token with a list of roles', () => claiming({ role: ['admin'] })],
    ['a token with roles', () => claiming({ roles: ['admin'], admin: true })],
    ['a token whose app_metadata is text', () => claiming('admin')],
    ['a token without app_metadata', () => claiming(undefined)],
  ])('is forbidden to %s, both ways alike', async (_, who) => {
    const persona = await who();
    const [route, rpc] = await Promise.all([
      act(adminWays.route, persona),
      act(adminWays.rpc, persona),
    ]);
    expect(route).toEqual({ ...rpc, field: null });
    expect(rpc).toEqual({
      status: 403,
      code: 'forbidden',
      field: null,
      data: null,
      items: [],
      cursor: null,
    });
  });

  it.each<[string, () => Promise<Persona>, number]>([
    ['nobody', async () => withoutUser(), 401],
    ['the secret key, which is no admin', async () => withoutUser(secretKey), 403],
    [
      'an admin whose token has expired',
      async () =>
        bearer(
          await signToken({ ...decodeJwt(admin.token), exp: Math.floor(Date.now() / 1000) - 60 }),
        ),
      401,
    ],
    [
      "an admin's claims in an anonymous token",
      async () => bearer(await signToken({ ...decodeJwt(admin.token), role: 'anon' })),
      401,
    ],
  ])('is refused to %s', async (_, who, status) => {
    const persona = await who();
    expect(await act(adminWays.route, persona)).toMatchObject({
      status: 401,
      code: 'unauthorized',
      data: null,
      items: [],
    });
    // PostgREST answers before a function runs, with no code of ours
    expect(await act(adminWays.rpc, persona)).toMatchObject({
      status,
      code: null,
      data: null,
      items: [],
    });
  });

  it('is refused to a token that names no user, both ways alike', async () => {
    const { sub: _, ...claims } = decodeJwt(admin.token);
    const persona = bearer(await signToken(claims));
    for (const way of Object.values(adminWays)) {
      expect(await act(way, persona)).toMatchObject({ status: 401, code: 'unauthorized' });
    }
  });
});

async function claiming(app_metadata: unknown): Promise<Persona> {
  return bearer(await signToken({ ...decodeJwt(user.token), app_metadata }));
}

describe('the typed client', () => {
  it('does all of it', async () => {
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
    const limited = await admin.api.PUT('/admin/proxy/keys/{id}/limits', {
      params: { path },
      body: { bandwidthLimitBytes: null, rateLimit: 3, tunnelLimit: 4, reason },
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

describe('the e-mail address of a user', () => {
  it('is in no answer but those to admins, not even to the user', async () => {
    await adminWays.rpc.grant(admin, { user: user.email, tier: 'team', reason });
    await adminWays.rpc.suspend(admin, id, { reason });
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
