import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { listRelations, listRoutines, type Relation, type Routine } from '../support/catalog.ts';
import {
  connectOwner,
  createSupabase,
  newAdmin,
  newUser,
  type Persona,
} from '../support/personas.ts';
import { byVersion } from '../support/postgrest-version.ts';
import { type ApiRole, apiRoles, asRole } from './database-role.ts';
import { newFurnishedOwner } from './furnished-owner.ts';

const stack = inject('stack');
const sql = connectOwner();
let user: Persona;
let admin: Persona;
let relations: Relation[];
let routines: Routine[];

beforeAll(async () => {
  [user, admin] = await Promise.all([newUser(), newAdmin()]);
  relations = await listRelations(sql, ['proxy_private', 'gateway']);
  routines = await listRoutines(sql, ['proxy_private', 'gateway']);
  expect(relations.map(({ name }) => name)).toContain('proxy_key_secrets');
  expect(routines.map(({ name }) => name)).toContain('record_usage');
});
afterAll(() => sql.end());

type Client = Persona['supabase'];

/** The schemas are not in the generated types, as they are not in the REST API. */
const inSchema = (client: Client, schema: string) => client.schema(schema as 'public');

describe('over the REST API, proxy_private and gateway do not exist for', () => {
  it.each<[string, () => Client]>([
    ['a user', () => user.supabase],
    ['an admin', () => admin.supabase],
    ['an anonymous caller', () => createSupabase()],
    ['the secret key', () => createSupabase(stack.secretKey)],
  ])('%s', async (_, client) => {
    for (const { schema, name, qualified } of relations) {
      const { error, status } = await inSchema(client(), schema)
        .from(name as 'proxy_tiers')
        .select();
      expect([qualified, status, error?.code]).toEqual([qualified, 406, 'PGRST106']);
    }
    for (const { schema, name, argumentNames, signature } of routines) {
      const args = Object.fromEntries(argumentNames.filter(Boolean).map((a) => [a, null]));
      const { error, status } = await inSchema(client(), schema).rpc(
        name as 'rotate_proxy_key',
        args as never,
      );
      expect([signature, status, error?.code]).toEqual([signature, 406, 'PGRST106']);
    }
  });
});

describe('a name from proxy_private or gateway is unknown in public too', () => {
  it('as a table', async () => {
    const code = await byVersion({ 12: '42P01', 13: 'PGRST205' });
    for (const { name } of relations) {
      const { error, status } = await user.supabase.from(name as 'proxy_tiers').select();
      expect([name, status, error?.code]).toEqual([name, 404, code]);
    }
  });

  it('as a function', async () => {
    const exposed = (await listRoutines(sql, ['public'])).map(({ name }) => name);
    const hidden = routines.filter(({ name }) => !exposed.includes(name));
    expect(hidden.length).toBeGreaterThan(10);
    for (const { name, argumentNames } of hidden) {
      const args = Object.fromEntries(argumentNames.filter(Boolean).map((a) => [a, null]));
      const { error, status } = await user.supabase.rpc(name as 'rotate_proxy_key', args as never);
      expect([name, status, error?.code]).toEqual([name, 404, 'PGRST202']);
    }
  });
});

/** Tables that the functions which sum usage read as the caller, under row level security. */
const rollups = [
  'proxy_private.proxy_account_hourly',
  'proxy_private.proxy_account_monthly',
  'proxy_private.proxy_usage_hourly',
  'proxy_private.proxy_usage_monthly',
];

describe('in SQL', () => {
  it.each(apiRoles)(
    '%s can read no table of proxy_private, except that users can read their rollups',
    async (role) => {
      const readable: string[] = [];
      for (const { qualified } of relations) {
        const error = await run(role, `select from ${qualified}`).catch(
          (caught: unknown) => caught,
        );
        if ((error as { code?: string }).code !== '42501') readable.push(qualified);
      }
      expect(readable).toEqual(role === 'authenticated' ? rollups : []);
    },
  );

  it('a user can call in proxy_private only what the functions in public call for them', async () => {
    const callable: string[] = [];
    for (const { call, signature } of routines) {
      const error = await run('authenticated', `select ${call}`).catch((caught: unknown) => caught);
      if ((error as { code?: string }).code !== '42501') callable.push(signature);
    }
    expect(callable).toEqual(
      [
        // functions that do the work
        'proxy_private.change_proxy_keys(text[], jsonb)',
        'proxy_private.count_active_keys()',
        'proxy_private.create_proxy_webhook(text, text, text, text, text[], boolean)',
        'proxy_private.delete_proxy_key(text)',
        'proxy_private.delete_proxy_webhook(uuid, boolean)',
        'proxy_private.find_proxy_account(text)',
        'proxy_private.find_proxy_key(text)',
        'proxy_private.find_proxy_keys(integer, text, text, text, text, boolean, text, boolean, text)',
        'proxy_private.grant_proxy_tier(text, text, text)',
        'proxy_private.hours_of_any_key(uuid, timestamp with time zone, timestamp with time zone)',
        'proxy_private.list_proxy_tier_grants(integer, text, text, text)',
        'proxy_private.list_proxy_users(integer, text, text)',
        'proxy_private.list_proxy_webhooks(boolean)',
        'proxy_private.mint_proxy_key(text, text, boolean, text, text[], text)',
        'proxy_private.own_account()',
        'proxy_private.own_alert_thresholds()',
        'proxy_private.own_key_attention(integer)',
        'proxy_private.own_key_summaries()',
        'proxy_private.own_key_summary(text)',
        'proxy_private.own_tier_grants()',
        'proxy_private.page_of_alerts(text, text, integer, text)',
        'proxy_private.page_of_audit(text, integer, text, boolean)',
        'proxy_private.page_of_deliveries(uuid, integer, text, boolean)',
        'proxy_private.page_of_events(proxy_private.event_filter, integer, integer, boolean)',
        'proxy_private.page_of_keys(integer, text, boolean, text, boolean, text, text, text, text)',
        'proxy_private.reactivate_proxy_key(text, text)',
        'proxy_private.read_outcomes(text, text, timestamp with time zone, timestamp with time zone, boolean)',
        'proxy_private.read_targets(text, timestamp with time zone, timestamp with time zone, boolean, text, integer)',
        'proxy_private.refuse_mint_arguments(jsonb)',
        'proxy_private.resend_proxy_delivery(uuid, boolean, uuid)',
        'proxy_private.revoke_proxy_tier(text, text, text)',
        'proxy_private.rotate_proxy_key(text, integer, text)',
        'proxy_private.rotate_proxy_webhook(uuid, boolean)',
        'proxy_private.schema_version()',
        'proxy_private.set_alert_thresholds(integer[], text)',
        'proxy_private.set_proxy_account_limits(text, text, text, jsonb)',
        'proxy_private.set_proxy_key_limits(text, text, jsonb)',
        'proxy_private.suspend_proxy_key(text, text)',
        'proxy_private.test_proxy_webhook(uuid, boolean)',
        'proxy_private.update_proxy_key(text, jsonb)',
        'proxy_private.update_proxy_webhook(uuid, jsonb, boolean)',
        // functions that check arguments
        'proxy_private.csv_field(text)',
        'proxy_private.decode_cursor(text, boolean)',
        'proxy_private.decode_place(text, bigint)',
        'proxy_private.encode_cursor(timestamp with time zone, uuid, boolean)',
        'proxy_private.encode_place(bigint, uuid)',
        'proxy_private.find_own_key(text)',
        'proxy_private.find_read_key(text, boolean)',
        'proxy_private.first_kept_target_day()',
        'proxy_private.how_to_fix(text)',
        'proxy_private.make_page(jsonb, integer, text, text)',
        'proxy_private.refuse(text, text)',
        'proxy_private.require_size(bigint, text)',
        'proxy_private.read_event_filter(text, text, text, text, integer, text, text, boolean)',
        'proxy_private.require_limit(integer)',
        'proxy_private.require_page(integer, integer, text)',
        'proxy_private.require_period(text)',
        'proxy_private.require_reader(boolean)',
        'proxy_private.require_rollup_sort(text)',
        'proxy_private.require_rollup_span(text, text, text, text)',
        'proxy_private.require_span(text, text, text)',
        'proxy_private.require_target_grouping(text)',
        'proxy_private.require_tier(text)',
        'proxy_private.require_time(text, text)',
        'proxy_private.require_user()',
        'proxy_private.target_figures(proxy_private.target_sum)',
      ].toSorted(),
    );
  });

  it("functions that read rows return only the caller's rows, whatever the arguments", async () => {
    const owner = await newFurnishedOwner();
    const eventsOfKey = `
      select e.* from unnest(proxy_private.page_of_events(
        ('${owner.key.id}', '-infinity', 'infinity', 'infinity',
          'ffffffff-ffff-ffff-ffff-ffffffffffff', null, null, null, true)::proxy_private.event_filter,
        0, 10
      )) as e`;
    const reading = [
      eventsOfKey,
      'select k.* from proxy_private.page_of_keys(null, null, null, null, null, null) as p, unnest(p.keys) as k',
      'select * from proxy_private.own_key_summaries()',
      'select * from proxy_private.own_tier_grants()',
      'select from proxy_private.count_active_keys() as c, jsonb_each(c)',
      `select from proxy_private.read_outcomes(null, 'day', '-infinity', 'infinity') as o, unnest(o)`,
      `select t.* from proxy_private.read_targets(null, '-infinity', 'infinity', false, 'bytes', 9) as r,
        unnest(r.items) as t`,
      `select from proxy_private.page_of_audit(null, 1, null) as p, json_array_elements(p.items)`,
      `select from proxy_private.page_of_alerts(null, null, 1, null) as p, json_array_elements(p.items)`,
      ...rollups.map((table) => `select * from ${table}`),
    ];
    const rowsOf = (sub: string, statement: string) =>
      asRole(sql, 'authenticated', { sub }, (transaction) => transaction.unsafe(statement));
    for (const statement of reading) {
      expect(await rowsOf(owner.user.id, statement), statement).toHaveLength(1);
      expect(await rowsOf(user.id, statement), statement).toHaveLength(0);
    }
    for (const call of [
      `proxy_private.own_key_summary('${owner.key.id}')`,
      `proxy_private.page_of_audit('${owner.key.keyId}', 1, null)`,
      `proxy_private.find_own_key('${owner.key.keyId}')`,
      `proxy_private.read_outcomes('${owner.key.id}', 'day', now(), now())`,
      `proxy_private.read_targets('${owner.key.id}', now(), now(), false, 'bytes', 9)`,
    ]) {
      expect(await rowsOf(owner.user.id, `select ${call}`), call).toHaveLength(1);
      await expect(rowsOf(user.id, `select ${call}`), call).rejects.toMatchObject({
        hint: 'not_found',
      });
    }
  });

  it.each(['anon', 'service_role'] as const)('%s can call nothing in it', async (role) => {
    // except that the secret key may deliver
    const delivers = ['claim_deliveries', 'report_deliveries'];
    for (const { name, call } of routines) {
      if (role === 'service_role' && delivers.includes(name)) continue;
      await expect(run(role, `select ${call}`), call).rejects.toMatchObject({ code: '42501' });
    }
  });
});

function run(role: ApiRole, statement: string) {
  return asRole(sql, role, { sub: user.id }, (transaction) => transaction.unsafe(statement));
}
