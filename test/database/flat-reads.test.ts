import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listRoutines } from '../support/catalog.ts';
import { fillEvents } from '../support/fill-events.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { type SeededKey, seedKey, seedKeys } from '../support/seeded-keys.ts';
import { asRole } from './database-role.ts';

const days = 30;
/** All usage is in these hours, even if the test runs past the hour. */
const startedAt = new Date();
let database: OwnDatabase;
let sql: postgres.Sql;
let userId: string;
let key: SeededKey;
let webhookId: string;

/** Every read of a user, with arguments that make its answer equally long for every user. */
const reads = (): Record<string, string> => ({
  export_proxy_key_events: `id => '${key.id}'`,
  export_proxy_keys: '',
  export_proxy_usage_outcomes: '',
  export_proxy_usage_targets: '',
  get_proxy_key: `id => '${key.id}'`,
  list_own_proxy_tier_grants: '',
  list_proxy_alert_thresholds: '',
  list_proxy_alerts: '"limit" => 1',
  list_proxy_deliveries: `webhook_id => '${webhookId}', "limit" => 1`,
  list_proxy_key_audit: '"limit" => 1',
  list_proxy_key_events: `id => '${key.id}', "limit" => 1`,
  list_proxy_keys: '"limit" => 1',
  list_proxy_webhooks: '',
  proxy_account: '',
  proxy_key_attention: '',
  proxy_usage_by_key: '"limit" => 1',
  proxy_usage_outcomes: '',
  proxy_usage_series: `"interval" => 'day'`,
  proxy_usage_summary: '',
  proxy_usage_targets: '',
});
/** Reads of admins, the health check, and the refusal of unknown mint arguments. */
const others = [
  'find_proxy_account',
  'find_proxy_key',
  'find_proxy_keys',
  'list_proxy_tier_grants',
  'list_proxy_users',
  'mint_proxy_key',
  'proxy_health',
  'proxy_schema_version',
];

/** One key, busy on each of 30 days, with more events than any answer holds. */
beforeAll(async () => {
  database = await startOwnDatabase();
  sql = database.sql;
  userId = await newUser();
  key = await seedKey(sql, userId);
  await use([key.id]);
  await fillEvents(sql, key.id, 6_000, { occurred_at: `now() - n * interval '1 second'` });
  webhookId = await alertTo(userId, 300);
});
afterAll(() => database.stop());

async function newUser(): Promise<string> {
  const [row] = await sql<{ id: string }[]>`
    insert into auth.users (id, email)
    select id, id || '@example.com' from (select gen_random_uuid() as id) returning id`;
  return row?.id ?? '';
}

/** Creates a webhook of the user with that many delivered alerts; returns its id. */
async function alertTo(owner: string, alerts: number): Promise<string> {
  const [webhook] = await sql<{ id: string }[]>`
    insert into proxy_private.proxy_webhooks (user_id, kind, address)
    values (${owner}, 'webhook', 'https://example.com/') returning id`;
  const id = webhook?.id ?? '';
  await sql`
    with raised as (
      insert into proxy_private.proxy_alerts (user_id, type, cause)
      select ${owner}::uuid, 'webhook.test', 'test:' || n from generate_series(1, ${alerts}::integer) as n
      returning id
    ), sent as (
      insert into proxy_private.proxy_deliveries (webhook_id, alert_id, state, next_attempt_at, attempts)
      select ${id}::uuid, r.id, 'delivered', null, 2 from raised as r returning id
    )
    insert into proxy_private.proxy_delivery_attempts (delivery_id, number, started_at, duration_ms, outcome)
    select s.id, n, now(), 1, 'delivered' from sent as s, generate_series(1, 2) as n`;
  return id;
}

/** Records usage of these keys on each of the last days, in all rollups, as record_usage does. */
async function use(ids: string[]): Promise<void> {
  for (let day = 0; day < days; day += 1) {
    await sql`
      select gateway.record_usage(jsonb_agg(jsonb_build_object(
        'eventId', gen_random_uuid(), 'apiKeyId', k, 'targetHost', 'shop.example.com',
        'occurredAt', ${startedAt}::timestamptz - ${day}::integer * interval '1 day', 'method', 'CONNECT',
        'statusCode', 200, 'bytesSent', 1, 'bytesReceived', 2, 'durationMs', 3,
        'servedByNodeId', 'node-1'
      )))
      from unnest(${ids}::uuid[]) as k`;
  }
}

const analyze = () => sql.unsafe('vacuum analyze');

/** How many rows and index entries a user's statement reads. */
async function rowsRead(statement: string): Promise<number> {
  const count = async (transaction: postgres.TransactionSql) => {
    const [row] = await transaction<{ read: number }[]>`
      select sum(
        pg_stat_get_xact_tuples_returned(c.oid) + pg_stat_get_xact_tuples_fetched(c.oid)
      )::float8 as read
      from pg_class as c
      where c.relnamespace in ('proxy_private'::regnamespace, 'public'::regnamespace, 'auth'::regnamespace)`;
    return row?.read ?? 0;
  };
  return asRole(sql, 'authenticated', { sub: userId }, async (transaction) => {
    const counted = async () => {
      await transaction`reset role`;
      const read = await count(transaction);
      await transaction`set local role authenticated`;
      return read;
    };
    const before = await counted();
    await transaction.unsafe(statement);
    return (await counted()) - before;
  });
}

async function readsOfAll(): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const [name, args] of Object.entries(reads())) {
    found[name] = await rowsRead(`select * from public.${name}(${args})`);
  }
  for (const name of ['proxy_usage_series', 'proxy_usage_targets', 'proxy_usage_outcomes']) {
    const args = [reads()[name], `key_id => '${key.id}'`].filter(Boolean).join(', ');
    found[`${name} of a key`] = await rowsRead(`select * from public.${name}(${args})`);
  }
  found.proxy_key_summaries = await rowsRead('select * from public.proxy_key_summaries');
  return found;
}

/** The plan for larger tables may read fewer rows, but no read may read more. */
function expectNoMore(after: Record<string, number>, before: Record<string, number>): void {
  const more = Object.entries(after).filter(([name, read]) => read > (before[name] ?? 0));
  expect(Object.fromEntries(more), JSON.stringify(before)).toEqual({});
}

it('the list covers every function that a user can read with', async () => {
  const stable = await sql<{ name: string }[]>`
    select p.proname as name from pg_proc as p
    where p.pronamespace = 'public'::regnamespace and p.provolatile = 's'
      and has_function_privilege('authenticated', p.oid, 'execute')`;
  expect(stable.map(({ name }) => name).toSorted()).toEqual(
    [...Object.keys(reads()), ...others].toSorted(),
  );
  expect((await listRoutines(sql, ['public'])).length).toBeGreaterThan(stable.length);
});

describe('no read of a user reads more rows', () => {
  let before: Record<string, number>;
  beforeAll(async () => {
    await analyze();
    before = await readsOfAll();
  });

  it('when events and other users are added', async () => {
    expect(Math.min(...Object.values(before))).toBeGreaterThan(0);
    const ofOthers: string[] = [];
    for (let n = 0; n < 300; n += 1) {
      const somebody = await newUser();
      ofOthers.push(...(await seedKeys(sql, somebody, 2)).map(({ id }) => id));
      for (let made = 0; made < 10; made += 1) await alertTo(somebody, made === n ? 300 : 0);
    }
    await use(ofOthers);
    await fillEvents(sql, key.id, 30_000, { occurred_at: `now() - n * interval '0.1 second'` });
    await analyze();
    expectNoMore(await readsOfAll(), before);
  });

  it('when 1,500 keys with 30 busy days are added, all but one of them deleted', async () => {
    const own = await seedKeys(sql, userId, 1_500, { deleted: true });
    await use(own.map(({ id }) => id));
    await analyze();
    const ofOwn = sql`where subject = any(${own.map(({ id }) => id)}::uuid[])`;
    expect([
      (await sql`select from proxy_private.proxy_usage_targets ${ofOwn}`).count,
      (await sql`select from proxy_private.proxy_usage_outcomes ${ofOwn}`).count,
    ]).toEqual([1_500 * days, 1_500 * days]);
    // the list of all keys has a row for each key
    const { proxy_key_summaries: _, export_proxy_keys: __, ...after } = await readsOfAll();
    expectNoMore(after, before);
  });

  it('when undeleted keys are added, except reads of those keys, of which a tier allows 100', async () => {
    await seedKeys(sql, userId, 99);
    await analyze();
    const { proxy_key_summaries: _, export_proxy_keys: __, ...after } = await readsOfAll();
    const ofUndeleted = { proxy_account: 6, proxy_usage_summary: 6, proxy_key_attention: 10 };
    for (const [name, each] of Object.entries(ofUndeleted)) {
      // a key, its index entry, its tier and its account's limits; for its state also its usage
      expect((after[name] ?? 0) - (before[name] ?? 0)).toBeLessThanOrEqual(each * 99);
      after[name] = 0;
    }
    expectNoMore(after, before);
  });
});
