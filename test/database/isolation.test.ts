import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { listRelations, listRoutines, type Relation, type Routine } from '../support/catalog.ts';
import { protectedRoutes } from '../support/contract.ts';
import {
  connectOwner,
  createSupabase,
  newAdmin,
  newUser,
  type Persona,
  signToken,
} from '../support/personas.ts';
import { nowhere } from '../support/webhook-scenes.ts';
import { asRole } from './database-role.ts';
import { type FurnishedOwner, identifiersIn, newFurnishedOwner } from './furnished-owner.ts';
import { seePastGrants } from './second-wall.ts';

const stack = inject('stack');
const sql = connectOwner();
/** Functions that refuse everyone except admins. */
const ofAdmins = [
  'find_proxy_account',
  'find_proxy_key',
  'find_proxy_keys',
  'grant_proxy_tier',
  'list_proxy_tier_grants',
  'list_proxy_users',
  'reactivate_proxy_key',
  'revoke_proxy_tier',
  'set_proxy_account_limits',
  'set_proxy_key_limits',
  'suspend_proxy_key',
];
/** Relations that every signed-in user reads alike. */
const shared = ['proxy_tiers'];
/** Functions that show users something of their own. */
const telling = [
  'export_proxy_key_events',
  'get_proxy_key',
  'list_own_proxy_tier_grants',
  'list_proxy_alerts',
  'list_proxy_key_audit',
  'list_proxy_key_events',
  'list_proxy_keys',
  'proxy_account',
  'proxy_usage_by_key',
];
/** Relations of the closed schema with users' rows that row level security would show them. */
const withRowsOfUsers = [
  'key_states',
  'key_summaries',
  'proxy_account_hourly',
  'proxy_account_monthly',
  'proxy_alerts',
  'proxy_key_audit',
  'proxy_keys',
  'proxy_tier_grants',
  'proxy_usage_hourly',
  'proxy_usage_monthly',
];
let owner: FurnishedOwner;
let other: Persona;
let admin: Persona;
let relations: Relation[];
let closedRelations: Relation[];
let routines: Routine[];

beforeAll(async () => {
  [owner, other, admin] = await Promise.all([newFurnishedOwner(), newUser(), newAdmin()]);
  relations = await listRelations(sql, ['public']);
  closedRelations = await listRelations(sql, ['proxy_private']);
  routines = await listRoutines(sql, ['public']);
});
afterAll(() => sql.end());

/** A usable value for each argument of any function, where a key or a user is `reference`. */
function argumentsNaming(reference: string): Record<string, unknown> {
  return {
    id: reference,
    ids: [reference],
    allowed_ips: ['10.0.0.0/8'],
    expires_at: null,
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
    limits: { rate_limit: 1 },
    idempotency_key: null,
    cursor: null,
    page: null,
    active: null,
    state: null,
    search: null,
    period: null,
    from: null,
    to: null,
    status_code: null,
    by: null,
    sort: null,
    target_host: null,
    code: null,
    type: null,
    percents: null,
    kind: 'webhook',
    url: nowhere,
    routing_key: null,
    types: ['webhook.test'],
    operator: false,
    as_admin: false,
    webhook_id: reference,
    // claim no deliveries
    most: 0,
    results: [],
  };
}

/** Functions on webhooks, which are named only by uuid. */
const isOfWebhooks = ({ name }: Routine) => /_webhooks?$|_deliver(y|ies)$/.test(name);

const isUuid = (text: string) => /^[0-9a-f-]{36}$/.test(text);

type Client = Persona['supabase'];
/** The generated types know today's relations; the catalog also knows later ones. */
const readAll = (client: Client, name: string, columns = '*') =>
  client.from(name as 'proxy_tiers').select(columns);

const callNaming = (client: Client, { name, argumentNames }: Routine, reference: string) => {
  const given = argumentsNaming(reference);
  // labels cannot be changed on several keys at once
  if (argumentNames.includes('ids')) given.changes = { allowed_ips: given.allowed_ips };
  const args = Object.fromEntries(argumentNames.map((a) => [a, given[a]]));
  return client.rpc(name as 'rotate_proxy_key', args as never);
};

describe('an owner', () => {
  it('sees their own identifiers in every view and from every function that shows them, so the checks can detect a leak', async () => {
    expect(relations.map(({ name }) => name)).toEqual(['proxy_key_summaries', ...shared]);
    for (const { name } of relations) {
      const { data, error } = await readAll(owner.user.supabase, name);
      expect(error, name).toBeNull();
      expect(data?.length, name).toBeGreaterThan(0);
      const seen = identifiersIn(data, owner.identifiers);
      expect(seen.length > 0, name).toBe(!shared.includes(name));
    }
    for (const { name, argumentNames } of routines.filter((r) => telling.includes(r.name))) {
      const { data, error } = await owner.user.supabase.rpc(
        name as 'get_proxy_key',
        (argumentNames.includes('id') ? { id: owner.key.id } : {}) as { id: string },
      );
      expect(error, name).toBeNull();
      expect(identifiersIn(data, owner.identifiers).length, name).toBeGreaterThan(0);
    }
    expect(routines.map(({ name }) => name)).toEqual(expect.arrayContaining(telling));
  });

  it('would see only their own rows in every table if the tables were open to users', async () => {
    const seen = await seePastGrants(sql, { sub: owner.user.id }, closedRelations);
    const names = Object.keys(seen).filter((name) => seen[name]?.length);
    expect(names.toSorted()).toEqual(withRowsOfUsers);
    for (const name of names) {
      for (const row of seen[name] ?? []) {
        expect(identifiersIn(row, owner.identifiers).length, name).toBeGreaterThan(0);
      }
    }
  });
});

describe('another user, or an admin,', () => {
  it("sees none of the owner's rows in any table or view over supabase-js", async () => {
    for (const persona of [other, admin]) {
      for (const { name } of relations) {
        const { data, error } = await readAll(persona.supabase, name);
        expect(error, name).toBeNull();
        if (shared.includes(name)) expect(identifiersIn(data, owner.identifiers)).toEqual([]);
        else expect(data, name).toEqual([]);
      }
    }
  });

  it("would see none of the owner's rows in any table if the tables were open to users", async () => {
    for (const persona of [other, admin]) {
      const seen = await seePastGrants(sql, { sub: persona.id }, closedRelations);
      expect(Object.keys(seen)).toEqual(expect.arrayContaining(withRowsOfUsers));
      expect(Object.values(seen).flat()).toEqual([]);
    }
  });

  it("sees none of the owner's rows in any table or view in SQL", async () => {
    for (const { name, qualified } of relations) {
      const rows = await asRole(sql, 'authenticated', { sub: other.id }, (transaction) =>
        transaction.unsafe(`select to_jsonb(r)::text as row from ${qualified} as r`),
      );
      if (shared.includes(name)) expect(identifiersIn(rows, owner.identifiers)).toEqual([]);
      else expect(rows, name).toHaveLength(0);
    }
  });

  it('cannot embed anything in what all users read; nor can the owner', async () => {
    for (const persona of [owner.user, other]) {
      for (const { name } of [...relations, ...closedRelations]) {
        const embedded = `tier, ${name}(*)`;
        const { data, error } = await readAll(persona.supabase, 'proxy_tiers', embedded);
        expect([name, error?.code, data]).toEqual([name, 'PGRST200', null]);
      }
    }
  });

  /** Everything stored about the key, including its secret. */
  const readKey = async () => {
    const [row] = await sql`
      select to_jsonb(k) as key, to_jsonb(s) as secret
      from proxy_private.proxy_keys as k join proxy_private.proxy_key_secrets as s on s.api_key_id = k.id
      where k.id = ${owner.key.id}`;
    if (!row) throw new Error('the key is gone');
    return row;
  };

  it('learns nothing about the owner from any function, whichever name of the key or owner it gets', async () => {
    const before = await readKey();
    for (const reference of [owner.key.id, owner.key.keyId, owner.user.id, owner.user.email]) {
      const given = argumentsNaming(reference);
      for (const routine of routines) {
        const { name, argumentNames } = routine;
        expect(Object.keys(given), `an argument of ${name}`).toEqual(
          expect.arrayContaining(argumentNames),
        );
        // PostgREST itself reports text that is not a uuid
        if (isOfWebhooks(routine) && !isUuid(reference)) continue;
        const { data, error } = await callNaming(other.supabase, routine, reference);
        expect(identifiersIn([data, error], owner.identifiers), name).toEqual([]);
        if (ofAdmins.includes(name)) expect(error, name).toMatchObject({ hint: 'forbidden' });
        else if (argumentNames.some((a) => ['id', 'key_id', 'webhook_id', 'ids'].includes(a))) {
          const hint = isOfWebhooks(routine) ? 'webhook_not_found' : 'not_found';
          expect(error, name).toMatchObject({ hint });
        }
      }
    }
    expect(await readKey()).toEqual(before);
  });

  it('learns nothing about the owner from any function that is called without naming a key or user', async () => {
    for (const persona of [other, admin]) {
      for (const { name, argumentNames } of routines) {
        const mayName = ['list_proxy_alerts', 'list_proxy_key_audit'];
        const needsKey = argumentNames.includes('id') && !mayName.includes(name);
        if (ofAdmins.includes(name) || needsKey) continue;
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

  it('learns nothing about the owner from any route that lists', async () => {
    const lists = protectedRoutes.filter(
      ({ method, path }) => method === 'GET' && !/:id|:webhook/.test(path),
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

  it("gets the same answer for the owner's key as for an unknown key", async () => {
    const calls = routines.filter(
      (routine) =>
        !ofAdmins.includes(routine.name) &&
        !isOfWebhooks(routine) &&
        routine.argumentNames.some((a) => a === 'id' || a === 'key_id'),
    );
    expect(calls.length).toBeGreaterThan(6);
    for (const routine of calls) {
      const call = (reference: string) => callNaming(other.supabase, routine, reference);
      const theirs = await call(owner.key.id);
      const missing = await call(crypto.randomUUID());
      const unknown = await call('avp_live_000000000000');
      expect(theirs.status).toBe(404);
      expect(theirs.error).toMatchObject({ code: 'PT404', hint: 'not_found' });
      expect([theirs.error, theirs.status]).toEqual([missing.error, missing.status]);
      expect([theirs.error, theirs.status]).toEqual([unknown.error, unknown.status]);
    }
  });
});

describe('a caller who is not a user', () => {
  const withToken = (token: string) => async () => {
    const client = createSupabase();
    return (name: string) =>
      client
        .from(name as 'proxy_tiers')
        .select()
        .setHeader('Authorization', `Bearer ${token}`);
  };
  const withKey = (key: string) => async () => {
    const client = createSupabase(key);
    return (name: string) => client.from(name as 'proxy_tiers').select();
  };

  it.each([
    ['the publishable key', () => withKey(stack.publishableKey)(), 401],
    ['the secret key', () => withKey(stack.secretKey)(), 403],
    [
      `an anonymous token with the owner's id`,
      async () => withToken(await signToken({ role: 'anon', sub: owner.user.id }))(),
      401,
    ],
  ])('can read no table or view: %s', async (_, open, status) => {
    const read = await open();
    for (const { name } of relations) {
      const { data, error, ...answer } = await read(name);
      expect([name, answer.status, error?.code, data]).toEqual([name, status, '42501', null]);
    }
  });

  it('sees no row with a token that names no user', async () => {
    const read = await withToken(await signToken({ role: 'authenticated' }))();
    for (const { name } of relations.filter((relation) => !shared.includes(relation.name))) {
      const { data, error, status } = await read(name);
      expect([name, status, error?.hint, data]).toEqual([name, 401, 'unauthorized', null]);
    }
    const seen = await seePastGrants(sql, {}, closedRelations);
    expect(Object.values(seen).flat()).toEqual([]);
  });

  it.each(['anon', 'service_role'] as const)('can read nothing in SQL as %s', async (role) => {
    for (const { qualified } of relations) {
      const read = asRole(sql, role, { sub: owner.user.id }, (transaction) =>
        transaction.unsafe(`select from ${qualified}`),
      );
      await expect(read, qualified).rejects.toMatchObject({ code: '42501' });
    }
  });

  it.each([
    ['the publishable key', stack.publishableKey, { proxy_health: undefined }],
    [
      'the secret key, except to deliver',
      stack.secretKey,
      { claim_proxy_deliveries: 'PT400', report_proxy_deliveries: undefined },
    ],
  ])('can call no function except the health check with %s', async (_, apiKey, allowed: object) => {
    const client = createSupabase(apiKey);
    for (const { name, argumentNames } of routines) {
      const given = argumentsNaming(owner.key.id);
      const args = Object.fromEntries(argumentNames.map((a) => [a, given[a]]));
      const { error } = await client.rpc(name as 'rotate_proxy_key', args as never);
      const expected = Object.hasOwn(allowed, name) ? allowed[name as never] : '42501';
      expect([name, error?.code]).toEqual([name, expected]);
    }
  });
});
