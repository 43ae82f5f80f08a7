import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { type SeededKey, seedKeys } from '../support/seeded-keys.ts';
import { findAccountDrift, findDrift, recordUsage, usageEvent } from '../support/usage-events.ts';
import { monthFromNow } from '../support/usage-scenes.ts';

let database: OwnDatabase;
let sql: postgres.Sql;
let userId: string;
let live: SeededKey;
let test: SeededKey;
const day = new Date().toISOString().slice(0, 10);
const month = monthFromNow(0);

beforeAll(async () => {
  database = await startOwnDatabase();
  sql = database.sql;
});
/** An account with usage of a live key, of a deleted live key, and of a test key. */
beforeEach(async () => {
  userId = randomUUID();
  await sql`insert into auth.users (id, email) values (${userId}, ${`${userId}@example.com`})`;
  [live] = (await seedKeys(sql, userId, 1)) as [SeededKey];
  const [deleted] = (await seedKeys(sql, userId, 1, { deleted: true })) as [SeededKey];
  [test] = (await seedKeys(sql, userId, 1, { liveMode: false })) as [SeededKey];
  await recordUsage(
    database.gateway,
    [live, deleted, test].map(({ id }) => usageEvent(id, { bytesSent: 10, bytesReceived: 100 })),
  );
});
afterAll(() => database.stop());

async function readCorrections(call: string) {
  const rows = await sql.unsafe(
    `select rollup, api_key_id as id, part, found, requests::int, bytes_sent::float8 as sent,
       bytes_received::float8 as received
     from proxy_private.${call}('${day}')`,
  );
  return [...rows];
}

/** Both checks find these corrections, a repair applies them, and none are left. */
async function expectRepaired(expected: unknown[]): Promise<void> {
  const found = [
    ...(await readCorrections('usage_drift')),
    ...(await readCorrections('usage_month_drift')),
  ];
  expect(found).toEqual(expected);
  expect(await readCorrections('reconcile_usage')).toEqual(expected);
  expect(await readCorrections('reconcile_usage')).toEqual([]);
  expect(await findAccountDrift(sql, [userId])).toEqual([]);
}

const none = { found: 'different', requests: 0, sent: 0, received: 0 };
const hourly = (fields: object) => ({
  ...none,
  rollup: 'account_hourly',
  id: userId,
  part: 'live',
  ...fields,
});
const monthly = (fields: object) => ({
  ...hourly({ rollup: 'account_monthly', part: 'developer live' }),
  ...fields,
});

it('correct rollups need no repair', async () => {
  await expectRepaired([]);
});

describe('reconciling finds exactly and repairs', () => {
  it('an hour or a month that is too high or too low', async () => {
    await sql`
      update proxy_private.proxy_account_hourly set requests = 7, bytes_sent = 0
      where user_id = ${userId} and live_mode`;
    await sql`
      update proxy_private.proxy_account_monthly set bytes_received = 350
      where user_id = ${userId} and live_mode`;
    await expectRepaired([hourly({ requests: -5, sent: 20 }), monthly({ received: -150 })]);
  });

  it('a missing row and a surplus row', async () => {
    await sql`delete from proxy_private.proxy_account_hourly where user_id = ${userId} and not live_mode`;
    await sql`delete from proxy_private.proxy_account_monthly where user_id = ${userId} and live_mode`;
    await sql`
      insert into proxy_private.proxy_account_monthly values (${userId}, ${month}, 'team', true, 1, 2, 3)`;
    await sql`
      insert into proxy_private.proxy_account_hourly values (${userId}, ${day}, true, 4, 5, 6)
      on conflict do nothing`;
    const hasMidnight = (await readCorrections('usage_drift')).length === 2;
    await expectRepaired([
      ...(hasMidnight ? [hourly({ found: 'surplus', requests: -4, sent: -5, received: -6 })] : []),
      hourly({ part: 'test', found: 'missing', requests: 1, sent: 10, received: 100 }),
      monthly({ found: 'missing', requests: 2, sent: 20, received: 200 }),
      monthly({ part: 'team live', found: 'surplus', requests: -1, sent: -2, received: -3 }),
    ]);
  });

  it('the month of a key that was moved to another tier', async () => {
    await sql`update proxy_private.proxy_keys set tier = 'team' where id = ${live.id}`;
    await expectRepaired([
      monthly({ requests: -1, sent: -10, received: -100 }),
      monthly({ part: 'team live', found: 'missing', requests: 1, sent: 10, received: 100 }),
    ]);
  });

  it('usage that is missing for a key and for its account', async () => {
    await sql`delete from proxy_private.proxy_usage_hourly where api_key_id = ${test.id}`;
    await sql`delete from proxy_private.proxy_usage_monthly where api_key_id = ${test.id}`;
    await sql`delete from proxy_private.proxy_account_hourly where user_id = ${userId} and not live_mode`;
    await sql`delete from proxy_private.proxy_account_monthly where user_id = ${userId} and not live_mode`;
    const missing = { found: 'missing', requests: 1, sent: 10, received: 100 };
    expect(await readCorrections('reconcile_usage')).toEqual([
      hourly({ ...missing, part: 'test' }),
      monthly({ ...missing, part: 'developer test' }),
      hourly({ ...missing, rollup: 'hourly', id: test.id, part: null }),
      monthly({ ...missing, rollup: 'monthly', id: test.id, part: null }),
    ]);
    expect(await findDrift(sql, [test.id])).toEqual([]);
    await expectRepaired([]);
  });
});

it('drift of a key alone does not change its account', async () => {
  await sql`update proxy_private.proxy_usage_hourly set bytes_sent = 0 where api_key_id = ${live.id}`;
  await sql`update proxy_private.proxy_usage_monthly set bytes_sent = 70 where api_key_id = ${live.id}`;
  const found = await readCorrections('reconcile_usage');
  expect(found.map(({ rollup, id, sent }) => [rollup, id, sent])).toEqual([
    ['hourly', live.id, 10],
    ['monthly', live.id, -60],
  ]);
  await expectRepaired([]);
});

it('a removed account keeps its sums, and late reports for its keys do not change them', async () => {
  await sql`delete from auth.users where id = ${userId}`;
  await recordUsage(database.gateway, [usageEvent(live.id)]);
  expect(await readCorrections('reconcile_usage')).toEqual([]);
  const [kept] = await sql`
    select sum(requests)::int as requests from proxy_private.proxy_account_monthly
    where user_id = ${userId}`;
  expect(kept).toEqual({ requests: 3 });
});

it('while events arrive, a repair of drift loses and adds nothing', async () => {
  const keys = [live, test];
  const recording = Promise.all(
    Array.from({ length: 30 }, (_, n) =>
      recordUsage(database.gateway, [usageEvent((keys[n % 2] as SeededKey).id)]),
    ),
  );
  for (let n = 0; n < 6; n += 1) {
    await sql`
      update proxy_private.proxy_account_monthly set bytes_sent = bytes_sent + 5 where user_id = ${userId}`;
    await sql`
      update proxy_private.proxy_account_hourly set requests = requests - 1 where user_id = ${userId}`;
    expect((await readCorrections('reconcile_usage')).length).toBeGreaterThanOrEqual(4);
  }
  await recording;
  await expectRepaired([]);
});
