import { afterAll, describe, expect, inject, it } from 'vitest';
import { listRoutines } from '../../support/catalog.ts';
import { connectAlone, untilBlocked } from '../../support/connect-alone.ts';
import { protectedRoutes } from '../../support/contract.ts';
import {
  connectGateway,
  connectOwner,
  createSupabase,
  newAdmin,
  newUser,
  type Persona,
  request,
  signToken,
} from '../../support/personas.ts';
import { seedKey } from '../../support/seeded-keys.ts';

const stack = inject('stack');
const sql = connectOwner();
const gateway = connectGateway(1);
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const admin = createSupabase(stack.secretKey).auth.admin;
const done = async (call: Promise<{ error: Error | null }>) => {
  const { error } = await call;
  if (error) throw error;
};
const bans = {
  'is banned': ({ id }: Persona) => done(admin.updateUserById(id, { ban_duration: '100h' })),
  // as hosted Supabase Auth does; the local one does not
  'is soft-deleted': ({ id }: Persona) =>
    sql`update auth.users set deleted_at = now() where id = ${id}`,
  'is deleted': ({ id }: Persona) => done(admin.deleteUser(id)),
};

const active = async (keyId: string) =>
  (await gateway<{ active: boolean }[]>`select active from gateway.lookup_proxy_key(${keyId})`)[0]
    ?.active;

describe.each(Object.entries(bans))(
  'a user who %s, with a token that has not expired',
  (_, ban) => {
    it('is refused by every function and the view, and their keys are out of service', async () => {
      const user = await newUser();
      const key = await seedKey(sql, user.id);
      expect(await active(key.keyId)).toBe(true);
      expect((await user.supabase.rpc('get_proxy_key', { id: key.id })).status).toBe(200);
      await ban(user);

      const routines = (await listRoutines(sql, ['public'])).filter(
        // except those that are open to everyone, and those for the secret key only
        ({ name }) => !/^proxy_(health|schema_version)$|^(claim|report)_/.test(name),
      );
      expect(routines.length).toBeGreaterThan(15);
      const given = {
        id: key.id,
        ids: [key.id],
        label: 'x',
        changes: {},
        limits: {},
        reason: 'x',
        user: user.id,
        interval: 'day',
        kind: 'email',
        percents: [50],
        webhook_id: key.id,
      };
      for (const { name, argumentNames } of routines) {
        const args = Object.fromEntries(
          Object.entries({ ...given, tier: 'developer' }).filter(([a]) =>
            argumentNames.includes(a),
          ),
        );
        const { status, error } = await user.supabase.rpc(name as 'get_proxy_key', args as never);
        expect([name, status, error?.code, error?.hint]).toEqual([
          name,
          401,
          'PT401',
          'unauthorized',
        ]);
      }
      const { status, error } = await user.supabase.from('proxy_key_summaries').select();
      expect([status, error?.code, error?.hint]).toEqual([401, 'PT401', 'unauthorized']);
      expect(await active(key.keyId)).toBe(false);
    });

    it('is refused by every route', async () => {
      const user = await newUser();
      await ban(user);
      for (const { method, path, body, query } of protectedRoutes as {
        method: string;
        path: string;
        body?: unknown;
        query?: string;
      }[]) {
        const address = path.replace(':id', 'avp_live_000000000000') + (query ? `?${query}` : '');
        const response = await user.request(method, address, body);
        const { code } = (await response.json()) as { code: string };
        expect([method, path, response.status, code]).toEqual([method, path, 401, 'unauthorized']);
      }
    });
  },
);

describe('a ban', () => {
  it('gives the user and their keys back when it ends', async () => {
    const user = await newUser();
    const key = await seedKey(sql, user.id);
    await bans['is banned'](user);
    expect(await active(key.keyId)).toBe(false);
    await admin.updateUserById(user.id, { ban_duration: 'none' });
    expect(await active(key.keyId)).toBe(true);
    expect((await user.supabase.rpc('get_proxy_key', { id: key.id })).status).toBe(200);

    // a ban that expires needs no action
    await sql`
      update auth.users set banned_until = now() - interval '1 second' where id = ${user.id}`;
    expect(await active(key.keyId)).toBe(true);
    expect((await user.supabase.rpc('get_proxy_key', { id: key.id })).status).toBe(200);
  });

  it('that races with a mint either refuses it or takes the new key out of service', async () => {
    for (const first of ['ban', 'mint'] as const) {
      const user = await newUser();
      const [banning, minting] = await Promise.all([
        connectAlone(stack.dbUrl),
        connectAlone(stack.dbUrl),
      ]);
      const ban = () => banning`
        update auth.users set banned_until = now() + interval '1 hour' where id = ${user.id}`;
      const mint = async () => {
        await minting`
          select set_config('role', 'authenticated', true),
            set_config('request.jwt.claims', ${JSON.stringify({ sub: user.id })}, true)`;
        return minting<{ key_id: string }[]>`select key_id from public.mint_proxy_key('raced')`;
      };
      await Promise.all([banning`begin`, minting`begin`]);
      if (first === 'ban') {
        await ban();
        const minted = mint();
        const refused = expect(minted).rejects.toMatchObject({ code: 'PT401' });
        await untilBlocked(sql, minting.pid, [banning.pid]);
        await banning`commit`;
        await refused;
      } else {
        const [key] = await mint();
        const banned = ban().execute();
        await untilBlocked(sql, banning.pid, [minting.pid]);
        await minting`commit`;
        await banned;
        await banning`commit`;
        expect(await active(key?.key_id ?? '')).toBe(false);
      }
    }
  });

  it('of the owner keeps a reactivated key out of service', async () => {
    const [user, by] = await Promise.all([newUser(), newAdmin()]);
    const key = await seedKey(sql, user.id, { deleted: true });
    await bans['is banned'](user);
    const { data, error } = await by.supabase.rpc('reactivate_proxy_key', { id: key.id });
    expect(error).toBeNull();
    expect(data).toMatchObject({ deleted_at: null, active: false });
    expect(await active(key.keyId)).toBe(false);
    await admin.updateUserById(user.id, { ban_duration: 'none' });
    expect(await active(key.keyId)).toBe(true);
  });

  it('that no trigger recorded on the key is found and repaired by maintenance', async () => {
    const user = await newUser();
    const key = await seedKey(sql, user.id);
    await sql`
      update proxy_private.proxy_keys set owner_barred_until = '2100-01-01Z' where id = ${key.id}`;
    const maintain = () =>
      sql<
        { outcome: string }[]
      >`select outcome from proxy_private.maintain_usage(tasks => '{accounts}')`;
    expect(await maintain()).toEqual([{ outcome: 'repaired' }]);
    expect(await maintain()).toEqual([{ outcome: 'unchanged' }]);
    expect(await active(key.keyId)).toBe(true);
  });
});

describe('an admin whose token still has the admin role', () => {
  it.each([
    [
      'who is demoted',
      ({ id }: Persona) => done(admin.updateUserById(id, { app_metadata: { role: null } })),
      403,
      'forbidden',
    ],
    ['who is banned', bans['is banned'], 401, 'unauthorized'],
    ['who is deleted', bans['is deleted'], 401, 'unauthorized'],
  ])('%s is refused at once by routes and RPCs', async (_, change, status, code) => {
    const by = await newAdmin();
    expect((await by.supabase.rpc('find_proxy_keys')).status).toBe(200);
    await change(by);
    const calls = [
      by.supabase.rpc('find_proxy_keys'),
      by.supabase.rpc('list_proxy_tier_grants'),
      by.supabase.rpc('suspend_proxy_key', { id: 'avp_live_000000000000', reason: 'x' }),
      by.supabase.rpc('reactivate_proxy_key', { id: 'avp_live_000000000000' }),
      by.supabase.rpc('set_proxy_key_limits', {
        id: 'avp_live_000000000000',
        reason: 'x',
        limits: {},
      }),
      by.supabase.rpc('grant_proxy_tier', { user: by.id, tier: 'team', reason: 'x' }),
      by.supabase.rpc('revoke_proxy_tier', { user: by.id, tier: 'team', reason: 'x' }),
    ];
    for (const { status: got, error } of await Promise.all(calls)) {
      expect([got, error?.hint]).toEqual([status, code]);
    }
    const response = await by.request('GET', '/admin/proxy/keys');
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
      status,
      code,
    ]);
  });
});

it('a token that expired 10 s ago is refused by routes and PostgREST alike', async () => {
  const user = await newUser();
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: user.id, role: 'authenticated', aud: 'authenticated', iat: now - 60 };
  for (const [exp, status] of [
    [now - 10, 401],
    [now + 600, 200],
  ] as const) {
    const token = await signToken({ ...claims, exp });
    const rest = await request('POST', '/rest/v1/rpc/list_proxy_keys', {
      token,
      body: {},
      headers: { apikey: stack.publishableKey },
    });
    const route = await request('GET', '/api/v1/proxy/keys', { token });
    expect([rest.status, route.status]).toEqual([status, status]);
  }
});
