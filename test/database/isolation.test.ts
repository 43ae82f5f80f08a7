import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { protectedRoutes } from '../functions/contract.ts';
import {
  connectOwner,
  createSupabase,
  newAdmin,
  newUser,
  type Persona,
  signToken,
} from '../personas.ts';
import { listRelations, listRoutines, type Relation, type Routine } from './catalog.ts';
import { asRole } from './database-role.ts';
import { type FurnishedOwner, identifiersIn, newFurnishedOwner } from './furnished-owner.ts';

const stack = inject('stack');
const sql = connectOwner();
/** What refuses everybody but admins. */
const ofAdmins = [
  'find_proxy_keys',
  'grant_proxy_tier',
  'list_proxy_tier_grants',
  'reactivate_proxy_key',
  'revoke_proxy_tier',
  'set_proxy_key_limits',
  'suspend_proxy_key',
];
/** What every signed-in user reads alike. */
const shared = ['proxy_tiers'];
let owner: FurnishedOwner;
let other: Persona;
let admin: Persona;
let relations: Relation[];
let routines: Routine[];

beforeAll(async () => {
  [owner, other, admin] = await Promise.all([newFurnishedOwner(), newUser(), newAdmin()]);
  relations = await listRelations(sql, ['public']);
  routines = await listRoutines(sql, ['public']);
});
afterAll(() => sql.end());

/** A usable value for each argument that any function takes, where a key or a user is `reference`. */
function argumentsNaming(reference: string): Record<string, unknown> {
  return {
    id: reference,
    key_id: reference,
    user: reference,
    label: 'mine',
    tier: 'developer',
    live_mode: true,
    changes: { label: 'stolen' },
    reason: 'Because.',
    interval: 'day',
    limit: 200,
    grace_seconds: 0,
    bandwidth_limit_bytes: 1,
    rate_limit: 1,
    idempotency_key: null,
    cursor: null,
    page: null,
    active: null,
    period: null,
    from: null,
    to: null,
    status_code: null,
    target_host: null,
  };
}

type Client = Persona['supabase'];
/** The generated types know the relations of today; the catalog, also those of tomorrow. */
const readAll = (client: Client, name: string, columns = '*') =>
  client.from(name as 'proxy_keys').select(columns);

describe('an owner', () => {
  it('sees rows of their own in every table and view, so that the others could see them too', async () => {
    expect(relations.length).toBeGreaterThan(6);
    for (const { name } of relations) {
      const { data, error } = await readAll(owner.user.supabase, name);
      expect(error, name).toBeNull();
      expect(data?.length, name).toBeGreaterThan(0);
      const seen = identifiersIn(data, owner.identifiers);
      expect(seen.length > 0, name).toBe(!shared.includes(name));
    }
  });
});

describe('another user, and an admin too', () => {
  it('sees no row of it in any table or view over supabase-js', async () => {
    for (const persona of [other, admin]) {
      for (const { name } of relations) {
        const { data, error } = await readAll(persona.supabase, name);
        expect(error, name).toBeNull();
        if (shared.includes(name)) expect(identifiersIn(data, owner.identifiers)).toEqual([]);
        else expect(data, name).toEqual([]);
      }
    }
  });

  it('sees no row of it in any table or view in SQL', async () => {
    for (const { name, qualified } of relations) {
      const rows = await asRole(sql, 'authenticated', { sub: other.id }, (transaction) =>
        transaction.unsafe(`select to_jsonb(r)::text as row from ${qualified} as r`),
      );
      if (shared.includes(name)) expect(identifiersIn(rows, owner.identifiers)).toEqual([]);
      else expect(rows, name).toHaveLength(0);
    }
  });

  it('sees no row of it embedded in what all users read', async () => {
    const embedded = 'tier, proxy_keys(*), proxy_key_summaries(*), proxy_tier_grants(*)';
    const own = await readAll(owner.user.supabase, 'proxy_tiers', embedded);
    expect(identifiersIn(own.data, owner.identifiers).length).toBeGreaterThan(0);
    const { data, error } = await readAll(other.supabase, 'proxy_tiers', embedded);
    expect(error).toBeNull();
    expect(identifiersIn(data, owner.identifiers)).toEqual([]);
  });

  it('learns nothing of it from any function, whatever names the key or its owner', async () => {
    const before = await readAll(owner.user.supabase, 'proxy_keys');
    for (const reference of [owner.key.id, owner.key.keyId, owner.user.id, owner.user.email]) {
      const given = argumentsNaming(reference);
      for (const { name, argumentNames } of routines) {
        expect(Object.keys(given), `an argument of ${name}`).toEqual(
          expect.arrayContaining(argumentNames),
        );
        const args = Object.fromEntries(argumentNames.map((a) => [a, given[a]]));
        const { data, error } = await other.supabase.rpc(name as 'rotate_proxy_key', args as never);
        expect(identifiersIn([data, error], owner.identifiers), name).toEqual([]);
        if (ofAdmins.includes(name)) expect(error, name).toMatchObject({ hint: 'forbidden' });
        else if (argumentNames.some((a) => a === 'id' || a === 'key_id')) {
          expect(error, name).toMatchObject({ hint: 'not_found' });
        }
      }
    }
    expect(await readAll(owner.user.supabase, 'proxy_keys')).toEqual(before);
  });

  it('learns nothing of it from any function that needs to name nothing', async () => {
    for (const persona of [other, admin]) {
      for (const { name, argumentNames } of routines) {
        if (ofAdmins.includes(name) || argumentNames.includes('id')) continue;
        const named = { interval: 'day', label: 'mine' };
        const args = Object.entries(named).filter(([a]) => argumentNames.includes(a));
        const { data, error } = await persona.supabase.rpc(
          name as 'rotate_proxy_key',
          Object.fromEntries(args) as never,
        );
        expect(identifiersIn([data, error], owner.identifiers), name).toEqual([]);
      }
    }
  });

  it('learns nothing of it from any route that lists', async () => {
    const lists = protectedRoutes.filter(
      ({ method, path }) => method === 'GET' && !path.includes(':id'),
    );
    for (const { path, query } of lists) {
      const ask = async (persona: Persona) =>
        (await persona.request('GET', `${path}${query ? `?${query}` : ''}`)).text();
      expect(identifiersIn(await ask(other), owner.identifiers), path).toEqual([]);
      if (!path.startsWith('/admin/')) {
        expect(identifiersIn(await ask(admin), owner.identifiers), path).toEqual([]);
      }
    }
  });

  it('gets for it what they get for a key that does not exist', async () => {
    const calls = routines.filter(
      ({ name, argumentNames }) =>
        !ofAdmins.includes(name) && argumentNames.some((a) => a === 'id' || a === 'key_id'),
    );
    expect(calls.length).toBeGreaterThan(6);
    for (const { name, argumentNames } of calls) {
      const call = (reference: string) => {
        const given = argumentsNaming(reference);
        const args = Object.fromEntries(argumentNames.map((a) => [a, given[a]]));
        return other.supabase.rpc(name as 'rotate_proxy_key', args as never);
      };
      const theirs = await call(owner.key.id);
      const nobodys = await call(crypto.randomUUID());
      const unknown = await call('avp_live_000000000000');
      expect(theirs.status).toBe(404);
      expect(theirs.error).toMatchObject({ code: 'PT404', hint: 'not_found' });
      expect([theirs.error, theirs.status]).toEqual([nobodys.error, nobodys.status]);
      expect([theirs.error, theirs.status]).toEqual([unknown.error, unknown.status]);
    }
  });
});

describe('who is no user', () => {
  const withToken = (token: string) => async () => {
    const client = createSupabase();
    return (name: string) =>
      client
        .from(name as 'proxy_keys')
        .select()
        .setHeader('Authorization', `Bearer ${token}`);
  };
  const withKey = (key: string) => async () => {
    const client = createSupabase(key);
    return (name: string) => client.from(name as 'proxy_keys').select();
  };

  it.each([
    ['the publishable key', () => withKey(stack.publishableKey)(), 401],
    ['the secret key', () => withKey(stack.secretKey)(), 403],
    [
      `an anonymous token with the owner's id`,
      async () => withToken(await signToken({ role: 'anon', sub: owner.user.id }))(),
      401,
    ],
  ])('may read no table or view: %s', async (_, open, status) => {
    const read = await open();
    for (const { name } of relations) {
      const { data, error, ...answer } = await read(name);
      expect([name, answer.status, error?.code, data]).toEqual([name, status, '42501', null]);
    }
  });

  it('sees no row with a token that names no user', async () => {
    const read = await withToken(await signToken({ role: 'authenticated' }))();
    for (const { name } of relations.filter((relation) => !shared.includes(relation.name))) {
      const { data } = await read(name);
      expect(data, name).toEqual([]);
    }
  });

  it.each(['anon', 'service_role'] as const)('may read nothing in SQL as %s', async (role) => {
    for (const { qualified } of relations) {
      const read = asRole(sql, role, { sub: owner.user.id }, (transaction) =>
        transaction.unsafe(`select from ${qualified}`),
      );
      await expect(read, qualified).rejects.toMatchObject({ code: '42501' });
    }
  });

  it.each([
    ['the publishable key', stack.publishableKey, ['proxy_health']],
    ['the secret key', stack.secretKey, []],
  ])('may call no function but the health check with %s', async (_, apiKey, allowed: string[]) => {
    const client = createSupabase(apiKey);
    for (const { name, argumentNames } of routines) {
      const given = argumentsNaming(owner.key.id);
      const args = Object.fromEntries(argumentNames.map((a) => [a, given[a]]));
      const { error } = await client.rpc(name as 'rotate_proxy_key', args as never);
      expect([name, error?.code]).toEqual([name, allowed.includes(name) ? undefined : '42501']);
    }
  });
});
