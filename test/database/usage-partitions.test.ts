import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectAlone, untilBlocked } from '../support/connect-alone.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import type { SeededKey } from '../support/seeded-keys.ts';
import { findDrift, recordUsage, usageEvent } from '../support/usage-events.ts';
import { dayFromNow, partitionOf } from '../support/usage-scenes.ts';

let database: OwnDatabase;
let sql: postgres.Sql;
let key: SeededKey;
/** Its events are inserted directly, without rollups. */
let oldKey: SeededKey;

beforeAll(async () => {
  database = await startOwnDatabase();
  sql = database.sql;
  [key, oldKey] = (await database.newKeys(2)) as [SeededKey, SeededKey];
});

afterAll(() => database.stop());

async function makePartitions(first: string, last: string, on: postgres.Sql = sql) {
  const [row] = await on`select proxy_private.make_usage_partitions(${first}, ${last}) as made`;
  return row?.made as unknown;
}

/** Inserts an event directly, as no gateway may report one this old. */
async function insertEvents(times: string[]): Promise<void> {
  await sql`
    insert into proxy_private.proxy_usage_events (
      event_id, api_key_id, occurred_at, target_host, method, status_code, bytes_sent,
      bytes_received, duration_ms, served_by_node_id
    )
    select gen_random_uuid(), ${oldKey.id}, t::timestamptz, 'a', 'CONNECT', 200, 1, 2, 3, 'n'
    from unnest(${times}::text[]) as t`;
}

/** Where the key's events of a year are, by partition. */
async function locate(year: string) {
  const rows = await sql<{ partition: string; times: string[] }[]>`
    select
      tableoid::regclass::text as partition,
      array_agg(to_char(occurred_at at time zone 'UTC', 'MM-DD HH24:MI:SS.US') order by occurred_at)
        as times
    from proxy_private.proxy_usage_events
    where extract(year from occurred_at at time zone 'UTC') = ${year} group by 1 order by 1`;
  return Object.fromEntries(
    rows.map(({ partition, times }) => [
      partition.replace('proxy_private.proxy_usage_events_', ''),
      times,
    ]),
  );
}

it('a created partition is the same as one that Postgres creates', async () => {
  await makePartitions('1990-01-31', '1990-01-31');
  await sql`
    create table proxy_private.proxy_usage_events_1990_02_01 partition of proxy_private.proxy_usage_events
    for values from ('1990-02-01 00:00:00+00') to ('1990-02-02 00:00:00+00')`;
  const describeTable = async (day: string) => {
    const name = `proxy_usage_events_${day}`;
    const rows = await sql<{ part: string }[]>`
      select 'column ' || attname || ' ' || atttypid::regtype || ' ' || attnotnull || ' ' ||
        coalesce(pg_get_expr(d.adbin, d.adrelid), '') as part
      from pg_attribute as a left join pg_attrdef as d on (adrelid, adnum) = (attrelid, attnum)
      where attrelid = ${`proxy_private.${name}`}::regclass and attnum > 0
      union all
      select 'constraint ' || contype::text || conparentid || coninhcount || ' ' ||
        pg_get_constraintdef(oid)
      from pg_constraint where conrelid = ${`proxy_private.${name}`}::regclass
      union all
      select 'index ' || inhparent::regclass || ' ' || pg_get_indexdef(indexrelid)
      from pg_index join pg_inherits on inhrelid = indexrelid
      where indrelid = ${`proxy_private.${name}`}::regclass
      order by 1`;
    return rows.map(({ part }) => part.replaceAll(name, 'x'));
  };
  const made = await describeTable('1990_01_31');
  expect(made.length).toBeGreaterThan(18);
  expect(made).toEqual(await describeTable('1990_02_01'));
});

describe('a day with events in the default partition', () => {
  it('gets exactly its own events, to the microsecond', async () => {
    await insertEvents([
      '2001-04-30T23:59:59.999999Z',
      '2001-05-01T00:00:00Z',
      '2001-05-01T00:00:00.000001Z',
      '2001-05-01T23:59:59.999999Z',
      '2001-05-02T00:00:00Z',
    ]);
    const elsewhere = await connectAlone(database.dbUrl);
    await elsewhere`set time zone 'Pacific/Kiritimati'`;
    expect(await makePartitions('2001-05-01', '2001-05-01', elsewhere)).toBe(1);
    expect(await locate('2001')).toEqual({
      '2001_05_01': ['05-01 00:00:00.000000', '05-01 00:00:00.000001', '05-01 23:59:59.999999'],
      default: ['04-30 23:59:59.999999', '05-02 00:00:00.000000'],
    });
    expect(await makePartitions('2001-05-01', '2001-05-01')).toBe(0);
    expect(await makePartitions('2001-04-29', '2001-05-03')).toBe(4);
    expect(Object.keys(await locate('2001'))).toEqual(['2001_04_30', '2001_05_01', '2001_05_02']);
  });

  it('can be one of 90 in a batch: all get their partitions in one night', async () => {
    const [other] = await database.newKeys(1);
    const id = other?.id ?? '';
    const days = Array.from({ length: 90 }, (_, n) => dayFromNow(-n - 1));
    const batch = days.map((day) => usageEvent(id, { occurredAt: `${day}T12:00:00Z` }));
    expect(await recordUsage(database.gateway, batch)).toMatchObject({ recorded: 90 });
    const [report] = await sql`
      select outcome from proxy_private.maintain_usage(tasks => '{partitions}')`;
    expect(report?.outcome).toBe('made');
    const [placed] = await sql`
      select count(distinct tableoid)::integer as tables,
        count(*) filter (where tableoid = 'proxy_private.proxy_usage_events_default'::regclass)::integer
          as unplaced
      from proxy_private.proxy_usage_events where api_key_id = ${id}`;
    expect(placed).toEqual({ tables: 90, unplaced: 0 });
    expect(await recordUsage(database.gateway, batch)).toMatchObject({ repeated: 90 });
    expect(await findDrift(sql, [id])).toEqual([]);
  });

  it('is found by the nightly task, however far away it is', async () => {
    await insertEvents(['2003-03-03T03:03:03Z', '2004-12-31T23:59:59Z']);
    const [report] = await sql`
      select task, outcome from proxy_private.maintain_usage(tasks => '{partitions}')`;
    expect(report).toEqual({ task: 'partitions', outcome: 'made' });
    expect(Object.keys({ ...(await locate('2003')), ...(await locate('2004')) })).toEqual([
      '2003_03_03',
      '2004_12_31',
    ]);
    const [left] = await sql`
      select count(*)::integer from proxy_private.proxy_usage_events_default`;
    expect(left?.count).toBe(0);
  });
});

it("a detached table with the partition's name is not mistaken for the partition", async () => {
  await makePartitions('1991-01-01', '1991-01-01');
  await sql.unsafe(
    'alter table proxy_private.proxy_usage_events detach partition proxy_private.proxy_usage_events_1991_01_01',
  );
  await expect(makePartitions('1991-01-01', '1991-01-01')).rejects.toMatchObject({ code: '42P07' });
  await sql`drop table proxy_private.proxy_usage_events_1991_01_01`;
});

describe('while events are recorded', () => {
  const today = dayFromNow(0);
  const partition = partitionOf(today);
  const newBatch = (size: number) => Array.from({ length: size }, () => usageEvent(key.id));

  /** As after 41 days without maintenance. */
  async function losePartition(): Promise<void> {
    await sql.begin(async (transaction) => {
      await transaction.unsafe(`
        create temporary table held on commit drop as select * from ${partition};
        drop table ${partition};
        insert into proxy_private.proxy_usage_events select * from held`);
    });
  }

  const count = async (table: string) => {
    const [row] = await sql`
      select count(*)::integer from ${sql.unsafe(table)} where api_key_id = ${key.id}`;
    return Number(row?.count);
  };

  it('no batch in progress or sent meanwhile is refused or lost', async () => {
    await losePartition();
    const before = await count('proxy_private.proxy_usage_events');
    const [under, coming] = [newBatch(50), newBatch(50)];
    const recording = await connectAlone(database.gatewayDbUrl);
    const making = await connectAlone(database.dbUrl);
    const late = await connectAlone(database.gatewayDbUrl);

    await recording`begin`;
    await recordUsage(recording, under);
    const made = makePartitions(today, today, making);
    await untilBlocked(sql, making.pid, [recording.pid]);
    const recorded = recordUsage(late, [...coming, ...under]);
    await untilBlocked(sql, late.pid, [making.pid]);
    await recording`commit`;

    expect(await made).toBe(1);
    expect(await recorded).toEqual({ recorded: 50, repeated: 50, rejected: [] });
    expect(await count(partition)).toBe(before + 100);
    expect(await count('proxy_private.proxy_usage_events')).toBe(before + 100);
    expect(await findDrift(sql, [key.id])).toEqual([]);
  });

  it('a batch that is repeated after its events moved is recognized', async () => {
    await losePartition();
    const batch = newBatch(20);
    expect(await recordUsage(database.gateway, batch)).toMatchObject({ recorded: 20 });
    expect(await makePartitions(today, today)).toBe(1);
    expect(await recordUsage(database.gateway, batch)).toMatchObject({ recorded: 0, repeated: 20 });
    expect(await findDrift(sql, [key.id])).toEqual([]);
  });

  it('creating a partition gives up rather than block recording for long', async () => {
    await losePartition();
    const recording = await connectAlone(database.gatewayDbUrl);
    await recording`begin`;
    await recordUsage(recording, newBatch(1));
    await expect(makePartitions(today, today)).rejects.toMatchObject({ code: '55P03' });
    await recording`commit`;
    expect(await makePartitions(today, today)).toBe(1);
    expect(await findDrift(sql, [key.id])).toEqual([]);
  });
});
