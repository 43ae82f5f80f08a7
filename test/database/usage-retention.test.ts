import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectAlone } from '../support/connect-alone.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { readRollups, recordUsage, usageEvent } from '../support/usage-events.ts';
import { monthFromNow } from '../support/usage-scenes.ts';

let database: OwnDatabase;
let sql: postgres.Sql;
let id: string;

beforeAll(async () => {
  database = await startOwnDatabase();
  sql = database.sql;
  id = (await database.newKeys(1))[0]?.id ?? '';
});

afterAll(() => database.stop());

const partitionOf = (month: string) =>
  `private.proxy_usage_events_${month.slice(0, 7).replace('-', '_')}`;

/** A month with `count` events of 11 bytes, its last microsecond among them, and their rollups. */
async function fillMonth(month: string, count: number, inPartition = true): Promise<void> {
  if (inPartition) await sql`select private.make_usage_partitions(${month}, ${month})`;
  await sql`
    insert into private.proxy_usage_events (
      event_id, api_key_id, occurred_at, target_host, method, status_code, bytes_sent,
      bytes_received, duration_ms, served_by_node_id
    )
    select
      gen_random_uuid(), ${id},
      (${month}::timestamp + interval '1 month') at time zone 'UTC' - n * interval '1 microsecond',
      'a', 'CONNECT', 200, 1, 10, 3, 'n'
    from generate_series(1, ${count}::integer) as n`;
  await sql`select from private.reconcile_usage(${month})`;
}

async function drop(keepMonths: number | null) {
  const rows = await sql<Record<string, unknown>[]>`
    select month::text, action, reason, events::integer, bytes::integer, drift::integer
    from private.drop_old_usage(${keepMonths})`;
  return [...rows];
}

const exists = async (month: string) => {
  const [row] = await sql`select to_regclass(${partitionOf(month)}) is not null as exists`;
  return row?.exists as boolean;
};

const dropped = { action: 'dropped', reason: null, drift: 0 };

describe('the age', () => {
  it.each([3, 0, -12, null])('%s is refused: a repeat could be counted again', async (months) => {
    await expect(drop(months)).rejects.toMatchObject({ code: '22023' });
    if (months === null) return;
    const set = sql`update private.maintenance_settings set keep_months = ${months}`;
    await expect(set).rejects.toMatchObject({ code: '23514' });
  });

  it('is counted in whole months beside this one, oldest dropped first', async () => {
    for (const ahead of [-7, -4, -5, -6]) await fillMonth(monthFromNow(ahead), 3);
    expect(await drop(5)).toEqual([
      { ...dropped, month: monthFromNow(-7), events: 3, bytes: 33 },
      { ...dropped, month: monthFromNow(-6), events: 3, bytes: 33 },
    ]);
    expect(await drop(5)).toEqual([]);
    expect(await drop(4)).toEqual([{ ...dropped, month: monthFromNow(-5), events: 3, bytes: 33 }]);
    expect(await Promise.all([-7, -6, -5, -4].map((m) => exists(monthFromNow(m))))).toEqual([
      false,
      false,
      false,
      true,
    ]);
  });

  it('leaves every event that may be reported again, so that it is known', async () => {
    const oldest = usageEvent(id, {
      occurredAt: new Date(Date.now() - 93 * 86_400_000 + 600_000).toISOString(),
    });
    expect(await recordUsage(database.gateway, [oldest])).toMatchObject({ recorded: 1 });
    expect(await drop(4)).toEqual([]);
    expect(await recordUsage(database.gateway, [oldest])).toMatchObject({
      recorded: 0,
      repeated: 1,
    });
  });
});

it('the rollups of a dropped month stay, and cannot be reconciled away', async () => {
  const month = '2011-02-01';
  await fillMonth(month, 5);
  const rollups = await readRollups(sql, id, 'hour');
  expect(await drop(4)).toEqual([{ ...dropped, month, events: 5, bytes: 55 }]);
  const [noted] = await sql`
    select events::integer, bytes::integer from private.dropped_usage_months
    where month = ${month}`;
  expect(noted).toEqual({ events: 5, bytes: 55 });
  const reconciling = sql`select from private.reconcile_usage(${month})`;
  await expect(reconciling).rejects.toMatchObject({ code: '55000' });
  expect(await readRollups(sql, id, 'hour')).toEqual(rollups);
  const [left] = await sql`
    select count(*)::integer from private.proxy_usage_events
    where occurred_at between '2011-02-01' and '2011-03-01'`;
  expect(left?.count).toBe(0);
});

it('a month that was put back is kept, until its note is gone', async () => {
  const month = '2012-02-01';
  await fillMonth(month, 2);
  expect(await drop(4)).toMatchObject([{ month, action: 'dropped' }]);
  await sql`select private.make_usage_partitions(${month}, ${month})`;
  expect(await drop(4)).toMatchObject([{ month, action: 'kept', reason: 'restored' }]);
  await sql`delete from private.dropped_usage_months where month = ${month}`;
  // not all of its events are there
  expect(await drop(4)).toMatchObject([{ month, action: 'kept', reason: 'drift', drift: 2 }]);
  await sql`delete from private.proxy_usage_hourly where hour between '2012-02-01' and '2012-03-01'`;
  await sql`delete from private.proxy_usage_monthly where month = ${month}`;
  expect(await drop(4)).toMatchObject([{ month, action: 'dropped', events: 0 }]);
});

it.each(['hourly', 'monthly'])(
  'a month is kept while its %s rollups do not stand, and the others are dropped',
  async (table) => {
    const year = table === 'hourly' ? 2013 : 2014;
    const [first, second, third] = ['01', '02', '03'].map((month) => `${year}-${month}-01`) as [
      string,
      string,
      string,
    ];
    for (const month of [first, second, third]) await fillMonth(month, 4);
    const period = table === 'hourly' ? 'hour' : 'month';
    await sql.unsafe(
      `update private.proxy_usage_${table} set bytes_sent = bytes_sent - 1
       where date_trunc('month', ${period}) = $1::date`,
      [second],
    );
    const kept = { month: second, action: 'kept', reason: 'drift', events: 4, bytes: 44, drift: 1 };
    const all = await drop(4);
    expect(all).toHaveLength(3);
    expect(all).toEqual(
      expect.arrayContaining([
        { ...dropped, month: first, events: 4, bytes: 44 },
        kept,
        { ...dropped, month: third, events: 4, bytes: 44 },
      ]),
    );
    expect(await exists(second)).toBe(true);
    await sql`select from private.reconcile_usage(${second})`;
    expect(await drop(4)).toEqual([{ ...dropped, month: second, events: 4, bytes: 44 }]);
  },
);

it('a month of more bytes than can be counted is dropped too, with the most that can', async () => {
  const month = '2009-01-01';
  await fillMonth(month, 3);
  await sql`
    update private.proxy_usage_events set bytes_sent = 4000000000000000000
    where occurred_at between '2009-01-01' and '2009-02-02'`;
  await sql`select from private.reconcile_usage(${month})`;
  const rows = await sql`
    select action, events, bytes from private.drop_old_usage(4) where month = ${month}`;
  expect([...rows]).toEqual([{ action: 'dropped', events: '3', bytes: '9223372036854775807' }]);
});

it('old events that the default partition caught leave after the same check', async () => {
  await fillMonth('2015-03-01', 3, false);
  await fillMonth('2015-05-01', 2, false);
  await sql`
    update private.proxy_usage_monthly set requests = 0 where month = '2015-05-01'`;
  const all = await drop(4);
  expect(all).toHaveLength(2);
  expect(all).toEqual(
    expect.arrayContaining([
      { ...dropped, month: '2015-03-01', events: 3, bytes: 33 },
      expect.objectContaining({ month: '2015-05-01', action: 'kept', reason: 'drift', events: 2 }),
    ]),
  );
  await sql`select from private.reconcile_usage('2015-05-01')`;
  expect(await drop(4)).toMatchObject([{ month: '2015-05-01', action: 'dropped' }]);
});

describe('while the events are read', () => {
  it('months are skipped, not waited for, and recording goes on', async () => {
    const months = ['2016-01-01', '2016-02-01'];
    for (const month of months) await fillMonth(month, 1);
    const reader = await connectAlone(database.dbUrl);
    await reader`begin`;
    await reader`select count(*) from private.proxy_usage_events`;
    const skipping = drop(4);
    const recorded = await recordUsage(database.gateway, [usageEvent(id)]);
    expect(recorded).toMatchObject({ recorded: 1 });
    expect(await skipping).toEqual(
      months.map((month) => ({
        month,
        action: 'skipped',
        reason: 'in use',
        events: 1,
        bytes: 11,
        drift: 0,
      })),
    );
    await reader`commit`;
    expect(await drop(4)).toMatchObject(months.map((month) => ({ month, action: 'dropped' })));
  });

  it('what the default partition caught is skipped as well', async () => {
    await fillMonth('2017-01-01', 1, false);
    const reader = await connectAlone(database.dbUrl);
    await reader`begin`;
    await reader`select count(*) from private.proxy_usage_events_default`;
    expect(await drop(4)).toMatchObject([{ month: null, action: 'skipped', reason: 'in use' }]);
    await reader`commit`;
    expect(await drop(4)).toMatchObject([{ month: '2017-01-01', action: 'dropped' }]);
  });
});

it('the lock time limit of the session is its own again afterwards', async () => {
  await fillMonth('2018-01-01', 1);
  const connection = await connectAlone(database.dbUrl);
  await connection`set lock_timeout = '77s'`;
  await connection`begin`;
  await connection`select from private.drop_old_usage(4)`;
  const [setting] = await connection`show lock_timeout`;
  expect(setting?.lock_timeout).toBe('77s');
  await connection`commit`;
});
