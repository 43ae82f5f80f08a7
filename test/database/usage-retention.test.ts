import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forgetUsage } from '../../scripts/stack/forget-usage.ts';
import { connectAlone } from '../support/connect-alone.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { readRollups, recordUsage, usageEvent } from '../support/usage-events.ts';
import { dayFromNow, partitionOf } from '../support/usage-scenes.ts';
import { dropOldUsage, fillDay, keepDays } from './old-usage.ts';

let database: OwnDatabase;
let sql: postgres.Sql;
let id: string;

beforeAll(async () => {
  database = await startOwnDatabase();
  sql = database.sql;
  id = (await database.newKeys(1))[0]?.id ?? '';
  await forgetUsage(sql);
});

afterAll(() => database.stop());

const fill = (day: string, count: number, inPartition = true) =>
  fillDay(sql, id, day, count, inPartition);
const drop = () => dropOldUsage(sql);

const exists = async (day: string) => {
  const [row] = await sql`select to_regclass(${partitionOf(day)}) is not null as exists`;
  return row?.exists as boolean;
};

const dropped = { action: 'dropped', reason: null, drift: 0 };

describe('the age', () => {
  it.each([
    [2, '23514'],
    [0, '23514'],
    [-90, '23514'],
    [36_501, '23514'],
    [null, '23502'],
  ])('%s is refused', async (days, code) => {
    const set = sql`update proxy_private.maintenance_settings set keep_days = ${days}`;
    await expect(set).rejects.toMatchObject({ code });
  });

  it('is 90 days if it is not set', async () => {
    for (const ahead of [-91, -90]) await fill(dayFromNow(ahead), 1);
    expect(await drop()).toEqual([{ ...dropped, day: dayFromNow(-91), events: 1, bytes: 11 }]);
    expect(await exists(dayFromNow(-90))).toBe(true);
  });

  it('is counted in whole days besides today, oldest dropped first', async () => {
    await keepDays(sql, 5);
    await drop();
    for (const ahead of [-7, -4, -5, -6]) await fill(dayFromNow(ahead), 3);
    expect(await drop()).toEqual([
      { ...dropped, day: dayFromNow(-7), events: 3, bytes: 33 },
      { ...dropped, day: dayFromNow(-6), events: 3, bytes: 33 },
    ]);
    expect(await drop()).toEqual([]);
    await keepDays(sql, 4);
    expect(await drop()).toEqual([{ ...dropped, day: dayFromNow(-5), events: 3, bytes: 33 }]);
    expect(await Promise.all([-7, -6, -5, -4].map((ahead) => exists(dayFromNow(ahead))))).toEqual([
      false,
      false,
      false,
      true,
    ]);
  });
});

it('the rollups of a dropped day are kept, and cannot be removed by reconciling', async () => {
  const day = '2011-02-28';
  await fill(day, 5);
  const rollups = await readRollups(sql, id, 'hour');
  expect(await drop()).toEqual([{ ...dropped, day, events: 5, bytes: 55 }]);
  const [noted] = await sql`
    select events::integer, bytes::integer from proxy_private.dropped_usage_days where day = ${day}`;
  expect(noted).toEqual({ events: 5, bytes: 55 });
  const reconciling = sql`select from proxy_private.reconcile_usage(${day})`;
  await expect(reconciling).rejects.toMatchObject({ code: '55000' });
  expect(await readRollups(sql, id, 'hour')).toEqual(rollups);
  const [left] = await sql`
    select count(*)::integer from proxy_private.proxy_usage_events
    where occurred_at between '2011-02-01' and '2011-03-01'`;
  expect(left?.count).toBe(0);
});

it('a day that was attached again is kept until its note is deleted', async () => {
  const day = '2012-02-29';
  await fill(day, 2);
  expect(await drop()).toMatchObject([{ day, action: 'dropped' }]);
  await sql`select proxy_private.make_usage_partitions(${day}, ${day})`;
  expect(await drop()).toMatchObject([{ day, action: 'kept', reason: 'restored' }]);
  await sql`delete from proxy_private.dropped_usage_days where day = ${day}`;
  // some of its events are missing: one hour of the key, and of its account
  expect(await drop()).toMatchObject([{ day, action: 'kept', reason: 'drift', drift: 2 }]);
  for (const table of ['proxy_usage_hourly', 'proxy_account_hourly']) {
    await sql.unsafe(
      `delete from proxy_private.${table} where hour between '2012-02-29' and '2012-03-01'`,
    );
  }
  expect(await drop()).toMatchObject([{ day, action: 'dropped', events: 0 }]);
});

it('a day is kept while its hourly rollups have drift; the others are dropped', async () => {
  const [first, second, third] = ['2013-01-01', '2013-01-02', '2013-02-01'] as const;
  for (const day of [first, second, third]) await fill(day, 4);
  await sql`
    update proxy_private.proxy_usage_hourly set bytes_sent = bytes_sent - 1
    where hour between ${second} and ${third}::date - 1`;
  const kept = { day: second, action: 'kept', reason: 'drift', events: 4, bytes: 44, drift: 1 };
  const all = await drop();
  expect(all).toHaveLength(3);
  expect(all).toEqual(
    expect.arrayContaining([
      { ...dropped, day: first, events: 4, bytes: 44 },
      kept,
      { ...dropped, day: third, events: 4, bytes: 44 },
    ]),
  );
  expect(await exists(second)).toBe(true);
  await sql`select from proxy_private.reconcile_usage(${second})`;
  expect(await drop()).toEqual([{ ...dropped, day: second, events: 4, bytes: 44 }]);
});

describe('a month in which days were dropped', () => {
  const [first, last] = ['2014-05-09', '2014-05-10'];
  const readMonth = async () => {
    const [row] = await sql`
      select requests::integer, bytes_sent::integer as sent, last_used_at as at
      from proxy_private.proxy_usage_monthly where api_key_id = ${id} and month = '2014-05-01'`;
    return row;
  };

  it('is checked and repaired from its hourly rollups', async () => {
    await fill(first, 2);
    await fill(last, 3);
    const before = await readMonth();
    // keeps only the first
    await sql`update proxy_private.proxy_usage_hourly set requests = 9
      where hour between ${first} and ${last}::date - interval '1 hour'`;
    await sql`update proxy_private.proxy_usage_monthly set bytes_sent = 1 where month = '2014-05-01'`;
    expect(await drop()).toMatchObject([
      { day: first, action: 'kept', reason: 'drift' },
      { day: last, action: 'dropped' },
    ]);
    const found = await sql`
      select rollup, requests::integer, bytes_sent::integer as sent
      from proxy_private.reconcile_usage(${first})`;
    expect([...found]).toEqual([
      { rollup: 'hourly', requests: -7, sent: 0 },
      { rollup: 'monthly', requests: 0, sent: 4 },
    ]);
    expect(await readMonth()).toEqual(before);
  });

  it('keeps its last use although its events are gone', async () => {
    const before = await readMonth();
    expect(before?.at).toEqual(new Date(`${last}T23:59:59.999Z`));
    await sql`select from proxy_private.reconcile_usage(${first})`;
    const drift = await sql`select * from proxy_private.usage_month_drift(${first})`;
    expect([...drift]).toEqual([]);
    expect(await readMonth()).toEqual(before);
  });

  it('gets a missing row back, with a last use no earlier than its last hour', async () => {
    const before = await readMonth();
    await sql`delete from proxy_private.proxy_usage_monthly where month = '2014-05-01'`;
    await sql`select from proxy_private.reconcile_usage(${first})`;
    expect(await readMonth()).toEqual({ ...before, at: new Date(`${last}T23:00:00Z`) });
    expect(await drop()).toMatchObject([{ day: first, action: 'dropped' }]);
  });
});

it('a day with more bytes than can be counted is also dropped, with the maximum count', async () => {
  const day = '2009-01-01';
  await fill(day, 3);
  await sql`
    update proxy_private.proxy_usage_events set bytes_sent = 4000000000000000000
    where occurred_at between '2009-01-01' and '2009-01-02'`;
  await sql`select from proxy_private.reconcile_usage(${day})`;
  const rows = await sql`
    select action, events, bytes from proxy_private.drop_old_usage() where day = ${day}`;
  expect([...rows]).toEqual([{ action: 'dropped', events: '3', bytes: '9223372036854775807' }]);
});

it('old events in the default partition are dropped after the same check', async () => {
  await fill('2015-03-01', 3, false);
  await fill('2015-05-01', 2, false);
  await sql`
    update proxy_private.proxy_usage_hourly set requests = 0 where hour between '2015-05-01' and '2015-05-02'`;
  const all = await drop();
  expect(all).toHaveLength(2);
  expect(all).toEqual(
    expect.arrayContaining([
      { ...dropped, day: '2015-03-01', events: 3, bytes: 33 },
      expect.objectContaining({ day: '2015-05-01', action: 'kept', reason: 'drift', events: 2 }),
    ]),
  );
  await sql`select from proxy_private.reconcile_usage('2015-05-01')`;
  expect(await drop()).toMatchObject([{ day: '2015-05-01', action: 'dropped' }]);
});

describe('if days must be archived first', () => {
  const day = '2008-08-08';
  const archive = (events: number, sent: number, received: number) => sql`
    insert into proxy_private.archived_usage_days (day, events, bytes_sent, bytes_received, location)
    values (${day}, ${events}, ${sent}, ${received}, '/archive')
    on conflict (day) do update set
      events = excluded.events, bytes_sent = excluded.bytes_sent,
      bytes_received = excluded.bytes_received`;

  beforeAll(async () => {
    await sql`update proxy_private.maintenance_settings set require_archive = true`;
    await fill(day, 3);
  });
  afterAll(() => sql`update proxy_private.maintenance_settings set require_archive = false`);

  it('a day without an archive is kept', async () => {
    expect(await drop()).toMatchObject([{ day, action: 'kept', reason: 'not archived' }]);
  });

  it.each([
    ['events', 2, 3, 30],
    ['bytes sent', 3, 4, 30],
    ['bytes received', 3, 3, 29],
  ])('a day whose archive differs in %s is kept', async (_, events, sent, received) => {
    await archive(events, sent, received);
    expect(await drop()).toMatchObject([{ day, action: 'kept', reason: 'archive is stale' }]);
    expect(await exists(day)).toBe(true);
  });

  it('a day with a complete archive is dropped, as is a day without events', async () => {
    await archive(3, 3, 30);
    await fill('2008-08-09', 0);
    expect(await drop()).toMatchObject([
      { day, action: 'dropped', events: 3 },
      { day: '2008-08-09', action: 'dropped', events: 0 },
    ]);
  });
});

describe('while the events are read', () => {
  it('days are skipped without waiting, and recording continues', async () => {
    const days = ['2016-01-01', '2016-02-01'];
    for (const day of days) await fill(day, 1);
    const reader = await connectAlone(database.dbUrl);
    await reader`begin`;
    await reader`select count(*) from proxy_private.proxy_usage_events`;
    const skipping = drop();
    const recorded = await recordUsage(database.gateway, [usageEvent(id)]);
    expect(recorded).toMatchObject({ recorded: 1 });
    expect(await skipping).toEqual(
      days.map((day) => ({
        day,
        action: 'skipped',
        reason: 'in use',
        events: 1,
        bytes: 11,
        drift: 0,
      })),
    );
    await reader`commit`;
    expect(await drop()).toMatchObject(days.map((day) => ({ day, action: 'dropped' })));
  });

  it('old events in the default partition are also skipped', async () => {
    await fill('2017-01-01', 1, false);
    const reader = await connectAlone(database.dbUrl);
    await reader`begin`;
    await reader`select count(*) from proxy_private.proxy_usage_events_default`;
    expect(await drop()).toMatchObject([{ day: null, action: 'skipped', reason: 'in use' }]);
    await reader`commit`;
    expect(await drop()).toMatchObject([{ day: '2017-01-01', action: 'dropped' }]);
  });
});

it("the session's own lock timeout is restored afterwards", async () => {
  await fill('2018-01-01', 1);
  const connection = await connectAlone(database.dbUrl);
  await connection`set lock_timeout = '77s'`;
  await connection`begin`;
  await connection`select from proxy_private.drop_old_usage()`;
  const [setting] = await connection`show lock_timeout`;
  expect(setting?.lock_timeout).toBe('77s');
  await connection`commit`;
});
