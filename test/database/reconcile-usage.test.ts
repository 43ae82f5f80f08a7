import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectAlone } from '../support/connect-alone.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { findDrift, readRollups } from '../support/usage-events.ts';
import { driftKinds } from './drift-kinds.ts';
import { newScene, readDrift, readMonthDrift, reconcileUsage } from './usage-corrections.ts';

let database: OwnDatabase;
let sql: postgres.Sql;

beforeAll(async () => {
  database = await startOwnDatabase();
  sql = database.sql;
});

afterAll(() => database.stop());

it('rollups are rebuilt only from events, by UTC hour and month, with the sum of counts as requests', async () => {
  const { id, owner, built, day, year } = await newScene(database);
  const missing = { found: 'missing', sent: '10', received: '100', lastUse: null, owner };
  expect(built).toEqual([
    { ...missing, rollup: 'hourly', period: `${day} 00:00:00.000000`, requests: '1' },
    { ...missing, rollup: 'hourly', period: `${day} 10:00:00.000000`, requests: '1' },
    { ...missing, rollup: 'hourly', period: `${day} 11:00:00.000000`, requests: '0' },
    { ...missing, rollup: 'hourly', period: `${day} 23:00:00.000000`, requests: '1' },
    {
      ...missing,
      rollup: 'monthly',
      period: `${year}-05-01 00:00:00.000000`,
      requests: '3',
      sent: '40',
      received: '400',
    },
  ]);
  expect(await findDrift(sql, [id])).toEqual([]);
  expect(await readDrift(sql, day)).toEqual([]);
  expect(await readMonthDrift(sql, day)).toEqual([]);
  const owners = await sql`
    select distinct user_id from (
      select user_id from proxy_private.proxy_usage_hourly where api_key_id = ${id}
      union all select user_id from proxy_private.proxy_usage_monthly where api_key_id = ${id}
    ) as r`;
  expect(owners).toEqual([{ user_id: owner }]);
});

/** A correction that changes nothing. */
const none = { requests: '0', sent: '0', received: '0', lastUse: null };

it.each(driftKinds)('%s is found exactly and repaired', async (_, statement, found) => {
  const { id, day, owner } = await newScene(database);
  await sql.unsafe(statement(id, `${day} 00:00:00+00`));
  const read = found.rollup === 'hourly' ? readDrift : readMonthDrift;
  // inserted rows have no user, but the key has
  const owned = { owner: found.found === 'different' ? null : owner };
  const expected = [expect.objectContaining({ ...none, ...found, ...owned })];
  expect(await read(sql, day)).toEqual(expected);
  expect(await findDrift(sql, [id])).not.toEqual([]);
  expect(await reconcileUsage(sql, day)).toEqual(expected);
  expect(await reconcileUsage(sql, day)).toEqual([]);
  expect(await findDrift(sql, [id])).toEqual([]);
});

it('a surplus month of a key without events is found and removed', async () => {
  const { day } = await newScene(database);
  const month = day.replace(/..$/, '01');
  const [key] = await database.newKeys(1);
  const id = key?.id ?? '';
  await sql`
    insert into proxy_private.proxy_usage_monthly values (${id}, ${month}, null, 1, 2, 3, now())`;
  const surplus = { rollup: 'monthly', found: 'surplus', sent: '-2', lastUse: null };
  expect(await reconcileUsage(sql, day)).toEqual([expect.objectContaining(surplus)]);
  expect(await readRollups(sql, id, 'month')).toEqual([]);
  expect(await reconcileUsage(sql, day)).toEqual([]);
});

describe('a refusal', () => {
  const refuse = (id: string, at: string) => sql`
    insert into proxy_private.proxy_usage_events (
      event_id, api_key_id, occurred_at, target_host, method, status_code, bytes_sent,
      bytes_received, duration_ms, served_by_node_id, code, count
    )
    select gen_random_uuid(), k.id, ${at}, 'a', 'CONNECT', 429, 0, 0, 1, 'n',
      'rate_limited', 60
    from proxy_private.proxy_keys as k where k.id = ${id}`;

  it('is in no rollup, whether or not its hour and month have other events', async () => {
    const { id, day } = await newScene(database);
    const [other] = await database.newKeys(1);
    const before = await readRollups(sql, id, 'hour');
    for (const [key, at] of [
      [id, `${day}T10:30:00Z`],
      [id, `${day}T12:00:00Z`],
      [other?.id ?? '', `${day}T23:59:59.999999Z`],
    ] as const) {
      await refuse(key, at);
    }
    expect(await reconcileUsage(sql, day)).toEqual([]);
    expect(await readRollups(sql, id, 'hour')).toEqual(before);
    expect(await findDrift(sql, [id, other?.id ?? ''])).toEqual([]);
  });

  it('by itself keeps no rollup row and sets no last use', async () => {
    const { id, day } = await newScene(database);
    // a microsecond after the end of the last event
    const at = `${day.replace('-20', '-21')}T00:00:00.001Z`;
    await refuse(id, `${day}T12:00:00Z`);
    await sql`insert into proxy_private.proxy_usage_hourly
      values (${id}, ${`${day}T12:00:00Z`}, null, 1, 0, 0)`;
    await sql`update proxy_private.proxy_usage_monthly set last_used_at = ${at} where api_key_id = ${id}`;
    expect(await reconcileUsage(sql, day)).toMatchObject([
      { rollup: 'hourly', found: 'surplus', requests: '-1' },
      { rollup: 'monthly', found: 'different', lastUse: '00:00:00.000001' },
    ]);
    expect(await reconcileUsage(sql, day)).toEqual([]);
    expect(await findDrift(sql, [id])).toEqual([]);
  });
});

describe('the owner of a rollup row', () => {
  it("is corrected if none of its events is the owner's", async () => {
    const { id, day, owner } = await newScene(database);
    for (const table of ['hourly', 'monthly']) {
      await sql.unsafe(
        `update proxy_private.proxy_usage_${table} set user_id = $1 where api_key_id = $2`,
        [randomUUID(), id],
      );
    }
    const found = await reconcileUsage(sql, day);
    expect(found.map((row) => [row.rollup, row.owner])).toEqual([
      ...Array(4).fill(['hourly', owner]),
      ['monthly', owner],
    ]);
    expect(await reconcileUsage(sql, day)).toEqual([]);
  });

  it('is corrected in only some hours, and in a month without an owner', async () => {
    const { id, day, owner } = await newScene(database);
    await sql`update proxy_private.proxy_usage_hourly set user_id = ${randomUUID()}
      where api_key_id = ${id} and hour > ${day}::date + interval '20 hours'`;
    await sql`update proxy_private.proxy_usage_monthly set user_id = null where api_key_id = ${id}`;
    const found = await reconcileUsage(sql, day);
    expect(found).toMatchObject([
      { ...none, rollup: 'hourly', found: 'different', owner },
      { ...none, rollup: 'monthly', found: 'different', owner },
    ]);
    expect(found).toHaveLength(2);
    const owners = await sql`
      select user_id from proxy_private.proxy_usage_hourly where api_key_id = ${id}
      union select user_id from proxy_private.proxy_usage_monthly where api_key_id = ${id}`;
    expect([...owners]).toEqual([{ user_id: owner }]);
  });

  it('is kept after the account is removed, although its figures are repaired', async () => {
    const { id, day, owner } = await newScene(database);
    await sql`delete from auth.users where id = ${owner}`;
    // as record_usage writes it after the removal
    await sql`update proxy_private.proxy_usage_hourly set user_id = null
      where api_key_id = ${id} and hour > ${day}::date + interval '20 hours'`;
    expect(await reconcileUsage(sql, day)).toEqual([]);
    await sql`update proxy_private.proxy_usage_hourly set requests = 7 where api_key_id = ${id}`;
    expect(await reconcileUsage(sql, day)).toHaveLength(4);
    const owners = await sql`
      select user_id from proxy_private.proxy_usage_hourly where api_key_id = ${id} order by hour`;
    expect(owners.map(({ user_id }) => user_id)).toEqual([owner, owner, owner, null]);
  });

  it('may be null', async () => {
    const { id, day, owner } = await newScene(database);
    await sql`delete from auth.users where id = ${owner}`;
    await sql`update proxy_private.proxy_usage_hourly set user_id = null where api_key_id = ${id}`;
    await sql`delete from proxy_private.proxy_usage_monthly where api_key_id = ${id}`;
    const found = await reconcileUsage(sql, day);
    expect(found).toMatchObject([{ rollup: 'monthly', found: 'missing', owner: null }]);
    expect(found).toHaveLength(1);
    expect(await reconcileUsage(sql, day)).toEqual([]);
    expect(await findDrift(sql, [id])).toEqual([]);
  });
});

it('a session in another time zone sees the same days', async () => {
  const { id, day } = await newScene(database);
  const elsewhere = await connectAlone(database.dbUrl);
  await elsewhere`set time zone 'Pacific/Kiritimati'`;
  expect(await reconcileUsage(elsewhere, day)).toEqual([]);
  await elsewhere`update proxy_private.proxy_usage_hourly set requests = 9 where api_key_id = ${id}`;
  expect(await reconcileUsage(elsewhere, day)).toHaveLength(4);
  expect(await findDrift(sql, [id])).toEqual([]);
});

describe('reconciliation refuses', () => {
  it.each([
    ['usage_drift', readDrift],
    ['reconcile_usage', reconcileUsage],
  ])('with %s, a day whose events were dropped; its rollups are kept', async (_, call) => {
    const { id, day } = await newScene(database);
    await sql`
      insert into proxy_private.dropped_usage_days (day, events, bytes) values (${day}, 4, 440)`;
    await sql`delete from proxy_private.proxy_usage_events where api_key_id = ${id}`;
    const kept = await readRollups(sql, id, 'hour');
    await expect(call(sql, day)).rejects.toMatchObject({ code: '55000' });
    expect(await readRollups(sql, id, 'hour')).toEqual(kept);
    expect(await readRollups(sql, id, 'month')).toHaveLength(1);
  });

  it.each(['repeatable read', 'serializable'])(
    'isolation level %s, whose snapshot may be old',
    async (level) => {
      const { day } = await newScene(database);
      const run = sql.begin(
        `isolation level ${level}`,
        (transaction) => transaction`select from proxy_private.reconcile_usage(${day})`,
      );
      await expect(run).rejects.toMatchObject({ code: '25000' });
    },
  );

  it('a missing day', async () => {
    const run = sql`select from proxy_private.reconcile_usage(null)`;
    await expect(run).rejects.toMatchObject({ code: '22004' });
  });
});
