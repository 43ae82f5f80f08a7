import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readBlock } from '../../scripts/docs/fenced-blocks.ts';
import { copyEvents } from '../../scripts/maintain/archive/copied-events.ts';
import { openFolder } from '../../scripts/maintain/archive/folder.ts';
import { forgetUsage } from '../../scripts/stack/forget-usage.ts';
import { fillDay } from '../database/old-usage.ts';
import { connectAlone } from '../support/connect-alone.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { archive, askDuckdb, daysAgo, filesOf, newFolder, reconcile } from './archive-scenes.ts';

let database: OwnDatabase;
let sql: OwnDatabase['sql'];
let ids: string[];
let folder: string;

beforeAll(async () => {
  database = await startOwnDatabase();
  sql = database.sql;
});
afterAll(() => database.stop());

beforeEach(async () => {
  await forgetUsage(sql);
  await sql`truncate proxy_private.archived_usage_days, proxy_private.reconciled_usage_days`;
  ids = (await database.newKeys(2)).map(({ id }) => id);
  folder = newFolder();
});

const [older, newer] = [daysAgo(5), daysAgo(4)];
const fill = (day: string, count: number, id = ids[0] ?? '') => fillDay(sql, id, day, count);
const run = () => archive(database.dbUrl, openFolder(folder));
/** The archived days, read by their folders. */
const readDays = () =>
  askDuckdb(
    `select day::varchar as day, count(*)::integer as events, sum(bytes_sent)::integer as sent
     from '${folder}/*/*.parquet' group by 1 order by 1`,
  );

it('has every finished day with all fields of its events, and can be read by day', async () => {
  const [id = '', other = ''] = ids;
  await fill(older, 3);
  await fill(newer, 2, other);
  await sql`
    insert into proxy_private.proxy_usage_events (
      event_id, api_key_id, occurred_at, site_length, target_host, method, status_code, bytes_sent,
      bytes_received, duration_ms, count, served_by_node_id, code
    )
    values
      (gen_random_uuid(), ${other}, ${`${older} 00:00+00`}, null, 'a, "b"\\' || e'\n' || 'ü', 'GET', 502,
        ${2 ** 46}, ${2 ** 46 - 1}, 2147483647, 1, '', 'target_timeout'),
      (gen_random_uuid(), ${id}, ${`${older} 11:30:00.000001+00`}, 3, 'a.b.c', 'CONNECT', 429, 0, 0, 0,
        1000000, 'n', 'rate_limited')`;
  await reconcile(sql, older);
  await fill(daysAgo(0), 4);
  expect(await run()).toMatchObject([
    { day: older, outcome: 'archived', detail: expect.stringContaining('5 events') },
    { day: newer, outcome: 'archived' },
  ]);
  expect(filesOf(folder)).toEqual([
    `day=${older}/usage.parquet`,
    `day=${newer}/usage.parquet`,
    `manifest/${older}.json`,
    `manifest/${newer}.json`,
  ]);
  const [kept] = await sql`
    select jsonb_agg(
      to_jsonb(e) - 'site_length' || jsonb_build_object(
        'target_site', right(e.target_host, e.site_length),
        'occurred_at', to_char(e.occurred_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),
        'bytes_sent', e.bytes_sent::text,
        'bytes_received', e.bytes_received::text,
        'key_id', k.key_id,
        'user_id', k.user_id,
        'day', e.occurred_at::date::text
      )
      order by e.api_key_id, e.occurred_at
    ) as events
    from proxy_private.proxy_usage_events as e join proxy_private.proxy_keys as k on k.id = e.api_key_id
    where e.occurred_at < current_date`;
  const archived = await askDuckdb(
    `select * replace (strftime(occurred_at, '%Y-%m-%d %H:%M:%S.%f') as occurred_at)
     from '${folder}/*/*.parquet' order by api_key_id, occurred_at`,
  );
  expect(archived).toEqual(kept?.events);
});

it('has sorted rows, with types that other engines know', async () => {
  const [id = '', other = ''] = ids.toSorted();
  await fill(older, 3, other);
  await fill(older, 3, id);
  await run();
  const file = `${folder}/day=${older}/usage.parquet`;
  const types = await askDuckdb(`describe from read_parquet('${file}', hive_partitioning = false)`);
  expect(types.map(({ column_name, column_type }) => `${column_name} ${column_type}`)).toEqual([
    'api_key_id UUID',
    'key_id VARCHAR',
    'user_id UUID',
    'event_id UUID',
    'occurred_at TIMESTAMP WITH TIME ZONE',
    'bytes_sent BIGINT',
    'bytes_received BIGINT',
    'duration_ms INTEGER',
    'count INTEGER',
    'status_code SMALLINT',
    'target_host VARCHAR',
    'target_site VARCHAR',
    'method VARCHAR',
    'served_by_node_id VARCHAR',
    'code VARCHAR',
  ]);
  const rows = await askDuckdb(
    `select api_key_id, epoch_us(occurred_at)::varchar as at from '${file}'`,
  );
  const order = rows.map(({ api_key_id, at }) => `${api_key_id} ${at}`);
  expect(order).toEqual(order.toSorted());
  expect(new Set(order.map((row) => row.split(' ')[0]))).toEqual(new Set([id, other]));
  const compressed = await askDuckdb(
    `select distinct compression from parquet_metadata('${file}')`,
  );
  expect(compressed).toEqual([{ compression: 'ZSTD' }]);
});

it('has a manifest for each day, and a row in the database', async () => {
  await fill(older, 3);
  await run();
  const file = `day=${older}/usage.parquet`;
  const content = readFileSync(`${folder}/${file}`);
  expect(JSON.parse(readFileSync(`${folder}/manifest/${older}.json`, 'utf8'))).toEqual({
    day: older,
    file,
    events: 3,
    bytes_sent: 3,
    bytes_received: 30,
    bytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
    written_at: expect.stringMatching(/^\d{4}-.*Z$/),
  });
  const noted = await sql`
    select day::text, events, bytes_sent, bytes_received, location from proxy_private.archived_usage_days`;
  expect([...noted]).toEqual([
    {
      day: older,
      events: '3',
      bytes_sent: '3',
      bytes_received: '30',
      location: `${folder}/${file}`,
    },
  ]);
});

it('names the owner of an event, even after the account is deleted', async () => {
  const [id = ''] = ids;
  await fill(older, 1);
  const [owner] = await sql`select user_id from proxy_private.proxy_keys where id = ${id}`;
  await sql`delete from auth.users where id = ${owner?.user_id}`;
  await run();
  expect(await askDuckdb(`select user_id from '${folder}/*/*.parquet'`)).toEqual([
    { user_id: owner?.user_id },
  ]);
});

it('can be read with the query from the documentation', async () => {
  await fill(older, 3);
  await fill(newer, 2, ids[1]);
  await run();
  const query = readBlock('docs/archive.md', 'sql', 'read_parquet');
  const rows = await askDuckdb(
    query.replace('/var/lib/proxy-archive', folder).replace('2026-01-01', older),
  );
  expect(rows).toMatchObject([
    { day: older, served: '3', refused_or_failed: null, bytes: '33' },
    { day: newer, served: '2', refused_or_failed: null, bytes: '22' },
  ]);
});

describe('a day is archived', () => {
  it('once, and again after more events arrive', async () => {
    await fill(older, 3);
    await fill(newer, 1);
    await run();
    const untouched = statSync(`${folder}/day=${newer}/usage.parquet`).mtimeMs;
    expect(await run()).toMatchObject([{ day: null, outcome: 'unchanged' }]);
    await fill(older, 2, ids[1]);
    await reconcile(sql, older);
    await reconcile(sql, newer);
    expect(await run()).toMatchObject([{ day: older, outcome: 'archived' }]);
    expect(await readDays()).toEqual([
      { day: older, events: 5, sent: 5 },
      { day: newer, events: 1, sent: 1 },
    ]);
    expect(statSync(`${folder}/day=${newer}/usage.parquet`).mtimeMs).toBe(untouched);
    expect(JSON.parse(readFileSync(`${folder}/manifest/${older}.json`, 'utf8')).events).toBe(5);
    expect(await run()).toMatchObject([{ day: null, outcome: 'unchanged' }]);
  });

  it('again for refusals, which no rollup counts', async () => {
    await fill(older, 3);
    await run();
    await sql`
      insert into proxy_private.proxy_usage_events (
        event_id, api_key_id, occurred_at, target_host, method, status_code, bytes_sent,
        bytes_received, duration_ms, served_by_node_id, code
      )
      values (gen_random_uuid(), ${ids[0] ?? ''}, ${`${older} 01:00+00`}, 'a', 'CONNECT', 429, 0, 0, 0,
        'n', 'rate_limited')`;
    await reconcile(sql, older);
    expect(await run()).toMatchObject([{ day: older, outcome: 'archived' }]);
    expect(await readDays()).toEqual([{ day: older, events: 4, sent: 3 }]);
  });

  it('again without a check, if it is about to be dropped', async () => {
    const day = daysAgo(90);
    await fill(day, 3);
    await run();
    await fill(day, 1, ids[1]);
    expect(await run()).toMatchObject([{ day, outcome: 'archived' }]);
  });

  it('only if its rollups match its events', async () => {
    await fill(older, 3);
    await fill(newer, 1);
    await sql`update proxy_private.proxy_usage_hourly set bytes_sent = 4 where bytes_sent = 3`;
    expect(await run()).toMatchObject([
      { day: older, outcome: 'kept', detail: expect.stringContaining('1 rows') },
      { day: newer, outcome: 'archived' },
    ]);
    expect(await readDays()).toEqual([{ day: newer, events: 1, sent: 1 }]);
    await reconcile(sql, older);
    expect(await run()).toMatchObject([{ day: older, outcome: 'archived' }]);
  });

  it('not if it was dropped and partly restored', async () => {
    await fill(older, 1);
    await sql`insert into proxy_private.dropped_usage_days values (${older}, now(), 2, 22)`;
    expect(await run()).toMatchObject([{ day: null, outcome: 'unchanged' }]);
    expect(filesOf(folder)).toEqual([]);
  });

  it('by one run at a time', async () => {
    await fill(older, 3);
    const other = await connectAlone(database.dbUrl);
    await other`begin`;
    await other`lock table proxy_private.archived_usage_days in share row exclusive mode`;
    expect(await run()).toMatchObject([{ outcome: 'skipped' }]);
    expect(filesOf(folder)).toEqual([]);
    await other`rollback`;
    const outcomes = (await Promise.all([run(), run(), run()])).flat().map((row) => row.outcome);
    expect(outcomes.filter((outcome) => outcome === 'archived')).toHaveLength(1);
    expect(await readDays()).toEqual([{ day: older, events: 3, sent: 3 }]);
    expect(filesOf(folder)).toHaveLength(2);
  });
});

describe('a copy of a day', () => {
  it('is bounded on disk and in memory, for a day of any size', async () => {
    await fill(older, 100_000);
    const file = newFolder();
    const fileBytes = 1024 * 1024;
    const sizes: number[] = [];
    let lines = 0;
    let most = 0;
    const before = process.memoryUsage.rss();
    await sql.begin('isolation level repeatable read', (transaction) =>
      copyEvents(transaction, older, {
        file,
        fileBytes,
        async onFull() {
          most = Math.max(most, process.memoryUsage.rss() - before);
          const content = readFileSync(file, 'utf8');
          sizes.push(content.length);
          lines += content.split('\n').length - 1;
        },
      }),
    );
    expect(lines).toBe(100_000);
    expect(sizes.length).toBeGreaterThan(10);
    expect(Math.max(...sizes)).toBeLessThan(fileBytes + 256 * 1024);
    expect(most).toBeLessThan(100 * 1024 * 1024);
  });

  it('is canceled at once if the callback fails, and the connection stays usable', async () => {
    await fill(older, 20_000);
    const full = new Error('the test is full');
    const answer = await sql
      .begin(async (transaction) => {
        const copied = copyEvents(transaction, older, {
          file: newFolder(),
          fileBytes: 10_000,
          onFull: () => Promise.reject(full),
        });
        await expect(copied).rejects.toBe(full);
        throw new Error('rolled back');
      })
      .catch((error: Error) => error.message);
    expect(answer).toBe('rolled back');
    expect(await sql`select 1 as one`).toMatchObject([{ one: 1 }]);
  });

  it('fails if the connection is lost, and nothing is published', async () => {
    await fill(older, 20_000);
    const store = openFolder(folder);
    const running = archive(database.dbUrl, {
      ...store,
      async makeWorkFolder() {
        await sql`
          select pg_terminate_backend(l.pid) from pg_locks as l
          where l.relation = 'proxy_private.archived_usage_days'::regclass and l.pid <> pg_backend_pid()`;
        return store.makeWorkFolder();
      },
    });
    await expect(running).rejects.toMatchObject({
      code: expect.stringMatching(/57P01|CONNECTION/),
    });
    expect(filesOf(folder)).toEqual([]);
    expect(await run()).toMatchObject([{ day: older, outcome: 'archived' }]);
  });
});

it('a file that does not match its day is not published', async () => {
  await fill(older, 3);
  const store = openFolder(folder);
  const spoiled = await archive(database.dbUrl, {
    ...store,
    async makeWorkFolder() {
      const work = await store.makeWorkFolder();
      const id = crypto.randomUUID();
      writeFileSync(`${work}/csv`, `${id},k,${id},${id},${older} 00:00+00,0,0,0,1,200,a,GET,n,\n`);
      return work;
    },
  });
  expect(spoiled).toMatchObject([{ day: older, outcome: 'failed' }]);
  expect(filesOf(folder)).toEqual([]);
  expect(await sql`table proxy_private.archived_usage_days`).toHaveLength(0);
  expect(await run()).toMatchObject([{ day: older, outcome: 'archived' }]);
});
