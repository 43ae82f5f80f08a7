import { once } from 'node:events';
import getPort from 'get-port';
import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maintain } from '../scripts/maintain/maintain.ts';
import { openDatabase } from '../scripts/operator-database.ts';
import { forgetUsage } from '../scripts/stack/forget-usage.ts';
import { readProjectConfig } from '../scripts/stack/project-config.ts';
import { connectAlone } from './support/connect-alone.ts';
import { callCommand, type Ended, startCommand } from './support/operator-command.ts';
import { type OwnDatabase, startOwnDatabase } from './support/own-stack.ts';
import { findDrift, recordUsage, usageEvent } from './support/usage-events.ts';
import { dayFromNow, partitionOf } from './support/usage-scenes.ts';

const password = 'postgres';

let database: OwnDatabase;
let sql: postgres.Sql;
let id: string;

beforeAll(async () => {
  database = await startOwnDatabase();
  sql = database.sql;
  id = (await database.newKeys(1))[0]?.id ?? '';
  await forgetUsage(sql);
  await recordUsage(database.gateway, [usageEvent(id)]);
});

afterAll(() => database.stop());

/** The rows of the printed table, as cells. */
const withRows = (ended: Ended) => ({
  ...ended,
  rows: ended.stdout
    .split('\n')
    .slice(1, -1)
    .map((line) => line.split(/ {2,}/)),
});
const runMaintenance = async (url: string, args: string[] = []) =>
  withRows(await callCommand(maintain, args, url));
const startMaintenance = (args: string[] = []) =>
  startCommand('scripts/maintain.ts', args, database.dbUrl);

/** Task, day and outcome of each row, without the day if the row has none. */
const outcomes = (rows: string[][]) =>
  rows.map((row) => row.slice(0, /^\d{4}-/.test(row[1] ?? '') ? 3 : 2).join(' '));

const [today, yesterday] = [dayFromNow(0), dayFromNow(-1)];

async function exists(day: string): Promise<boolean> {
  const [row] = await sql`select to_regclass(${partitionOf(day)}) is not null as exists`;
  return row?.exists === true;
}

async function addDrift(): Promise<void> {
  await sql`update proxy_private.proxy_usage_hourly set bytes_sent = 7 where api_key_id = ${id}`;
}

it('runs all its tasks, prints aligned columns, and exits with 0', async () => {
  await sql.unsafe(`drop table ${partitionOf(dayFromNow(40))}`);
  const { code, rows, stdout, stderr } = withRows(await startMaintenance().ended);
  expect([code, stderr]).toEqual([0, '']);
  expect(outcomes(rows)).toEqual([
    'partitions made',
    `reconcile ${yesterday} unchanged`,
    `reconcile ${today} unchanged`,
    'retention unchanged',
    'accounts unchanged',
    'privileges unchanged',
    'alerts unchanged',
  ]);
  expect(await exists(dayFromNow(40))).toBe(true);
  const lines = stdout.trimEnd().split('\n');
  const columns = lines[0]?.indexOf('outcome') ?? -1;
  expect(lines.map((line) => line[columns - 1])).toEqual(Array(8).fill(' '));
  expect(lines.map((line) => line[columns])).not.toContain(' ');
});

it('repairs drift, reports it, and logs it', async () => {
  await addDrift();
  const { code, rows } = await runMaintenance(database.dbUrl);
  expect([code, outcomes(rows)[2]]).toEqual([0, `reconcile ${today} repaired`]);
  expect(await findDrift(sql, [id])).toEqual([]);
  const again = await runMaintenance(database.dbUrl);
  expect([again.code, outcomes(again.rows)[2]]).toEqual([0, `reconcile ${today} unchanged`]);
  const logged = await sql`
    select task, day::text from proxy_private.maintenance_log
    where outcome = 'repaired'`;
  expect([...logged]).toEqual([{ task: 'reconcile', day: today }]);
});

it('reconciles only the given day', async () => {
  await addDrift();
  const other = await runMaintenance(database.dbUrl, ['--day', yesterday]);
  expect(outcomes(other.rows)).not.toContain(`reconcile ${today} repaired`);
  const run = await runMaintenance(database.dbUrl, ['--day', today]);
  expect(run.code).toBe(0);
  expect(outcomes(run.rows)).toContain(`reconcile ${today} repaired`);
  expect(await findDrift(sql, [id])).toEqual([]);
});

describe('old days', () => {
  const make = (day: string) => sql`select proxy_private.make_usage_partitions(${day}, ${day})`;
  const readAge = async () => {
    const [row] = await sql`select keep_days from proxy_private.maintenance_settings`;
    return row?.keep_days as unknown;
  };

  it('are dropped after 90 days', async () => {
    await make(dayFromNow(-91));
    await make(dayFromNow(-90));
    const { code, rows } = await runMaintenance(database.dbUrl);
    expect(code).toBe(0);
    expect(outcomes(rows)).toContain(`retention ${dayFromNow(-91)} dropped`);
    expect([await exists(dayFromNow(-91)), await exists(dayFromNow(-90))]).toEqual([false, true]);
  });

  it('are dropped after --keep-days days, in later runs too', async () => {
    const { code, rows } = await runMaintenance(database.dbUrl, ['--keep-days', '80']);
    expect(code).toBe(0);
    expect(outcomes(rows)).toContain(`retention ${dayFromNow(-90)} dropped`);
    expect(await readAge()).toBe(80);
    await make('2010-07-01');
    const night = await runMaintenance(database.dbUrl);
    expect(outcomes(night.rows)).toContain('retention 2010-07-01 dropped');
  });

  it('of usage by target and outcome have their own retention', async () => {
    expect(await runMaintenance(database.dbUrl, ['--keep-targets-days', '7'])).toMatchObject({
      code: 0,
    });
    const rows =
      await sql`select keep_days, keep_targets_days from proxy_private.maintenance_settings`;
    expect([...rows]).toEqual([{ keep_days: 80, keep_targets_days: 7 }]);
  });

  it.each(['2', '36501', '999999999'])(
    '--keep-days %s is refused, and nothing is done',
    async (days) => {
      const { code, stdout, stderr } = await runMaintenance(database.dbUrl, ['--keep-days', days]);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain('events are kept for 3 to 36,500 days');
      expect(await readAge()).toBe(80);
    },
  );

  it('with drift are kept, and the exit code is 1', async () => {
    await make('2010-08-01');
    await runMaintenance(database.dbUrl, ['--day', '2010-08-01']);
    await sql`
      insert into proxy_private.proxy_usage_hourly values (${id}, '2010-08-01', null, 1, 2, 3)`;
    const { code, rows } = await runMaintenance(database.dbUrl);
    expect(code).toBe(1);
    expect(outcomes(rows)).toContain('retention 2010-08-01 kept');
    expect(await exists('2010-08-01')).toBe(true);
    const day = await runMaintenance(database.dbUrl, ['--day', '2010-08-01']);
    expect(day).toMatchObject({ code: 0 });
    expect(outcomes(day.rows)).toEqual(['reconcile 2010-08-01 repaired']);
    expect(await runMaintenance(database.dbUrl)).toMatchObject({ code: 0 });
    expect(await exists('2010-08-01')).toBe(false);
  });

  it('that must be archived first are kept, and the exit code is 1', async () => {
    const [other] = await database.newKeys(1);
    await make('2010-09-01');
    await sql`
      insert into proxy_private.proxy_usage_events (
        event_id, api_key_id, occurred_at, target_host, method, status_code, bytes_sent,
        bytes_received, duration_ms, served_by_node_id
      ) values (gen_random_uuid(), ${other?.id ?? ''}, '2010-09-01', 'a', 'CONNECT', 200, 1, 2, 3, 'n')`;
    await sql`update proxy_private.maintenance_settings set require_archive = true`;
    const { code, rows } = await runMaintenance(database.dbUrl);
    await sql`update proxy_private.maintenance_settings set require_archive = false`;
    expect(code).toBe(1);
    expect(outcomes(rows)).toContain('reconcile 2010-09-01 repaired');
    expect(outcomes(rows)).toContain('retention 2010-09-01 kept');
  });

  it('that were dropped are not reconciled, and the exit code is 1', async () => {
    const { code, rows } = await runMaintenance(database.dbUrl, ['--day', '2010-07-01']);
    expect([code, outcomes(rows)]).toEqual([1, ['reconcile failed']]);
  });
});

it('in one call, a failed task is reported and stops no other task', async () => {
  await addDrift();
  const rows = await sql`
    select task, outcome from proxy_private.maintain_usage(days => array['2010-07-01'::date])`;
  expect(rows.map(({ task, outcome }) => `${task} ${outcome}`)).toEqual([
    'reconcile failed',
    expect.stringMatching(/^retention /),
    'partitions unchanged',
    'accounts unchanged',
    'privileges unchanged',
    'alerts unchanged',
  ]);
  expect(await runMaintenance(database.dbUrl)).toMatchObject({ code: 0 });
  expect(await findDrift(sql, [id])).toEqual([]);
  await expect(
    sql`select from proxy_private.maintain_usage(tasks => '{tidy}')`,
  ).rejects.toMatchObject({
    code: '22023',
  });
});

it('skips tasks that another run is doing, and exits with 1', async () => {
  const other = await connectAlone(database.dbUrl);
  await other`begin`;
  await other`select from proxy_private.reconcile_usage((now() at time zone 'UTC')::date)`;
  const { code, rows } = await runMaintenance(database.dbUrl);
  expect([code, outcomes(rows)]).toEqual([
    1,
    ['partitions', 'reconcile', 'retention', 'accounts', 'privileges', 'alerts'].map(
      (task) => `${task} skipped`,
    ),
  ]);
  await other`rollback`;
});

it('revokes a gateway’s right to make temporary objects, and reports the rights that it cannot revoke', async () => {
  await sql`grant temporary on database postgres to public`;
  const repaired = await runMaintenance(database.dbUrl);
  expect([repaired.code, outcomes(repaired.rows)[5]]).toEqual([0, 'privileges repaired']);
  await sql`grant temporary on database postgres to proxy_gateway_local`;
  const found = await runMaintenance(database.dbUrl);
  expect([found.code, outcomes(found.rows)[5]]).toEqual([1, 'privileges found']);
  expect(found.stdout).toContain(
    'proxy_gateway_local may create temporary objects in this database.',
  );
  await sql`revoke temporary on database postgres from proxy_gateway_local`;
});

it('updates keys to match their owners’ accounts', async () => {
  await sql`update proxy_private.proxy_keys set owner_barred_until = '2100-01-01' where id = ${id}`;
  const { code, rows } = await runMaintenance(database.dbUrl);
  expect([code, outcomes(rows)[4]]).toEqual([0, 'accounts repaired']);
  const [key] = await sql`select active from proxy_private.key_states where id = ${id}`;
  expect(key).toEqual({ active: true });
});

it('reports its progress if a task takes long', async () => {
  await addDrift();
  const holding = await connectAlone(database.dbUrl);
  await holding`begin`;
  await holding`select from proxy_private.proxy_usage_hourly where api_key_id = ${id} for update`;
  const run = startMaintenance();
  while (!run.words.stderr.includes('reconcile: 2 s'))
    await once(run.child.stderr ?? run.child, 'data');
  await holding`rollback`;
  expect(await run.ended).toMatchObject({ code: 0 });
});

describe('a failure says what to do, and never shows the password', () => {
  const secret = 'pa55-of-the-owner';

  it.each<[string, () => string | Promise<string>, RegExp]>([
    [
      'no database answers',
      async () => `postgresql://postgres:${secret}@127.0.0.1:${await getPort()}/postgres`,
      /npm start/,
    ],
    [
      'no such host is known',
      () => `postgresql://postgres:${secret}@nowhere.invalid:5432/postgres`,
      /DATABASE_URL/,
    ],
    [
      'the password is wrong',
      () => database.dbUrl.replace(`:${password}@`, `:${secret}@`),
      /password/,
    ],
    ['there is no such database', () => database.dbUrl.replace(/postgres$/, secret), /name/],
    ['the role is not postgres', () => database.gatewayDbUrl, /role postgres/],
    [
      'there are no migrations',
      () => database.dbUrl.replace(/postgres$/, 'template1'),
      /migrations/,
    ],
    ['the URL is malformed', () => `postgresql//postgres:${secret}@127.0.0.1`, /postgresql:\/\//],
    ['the URL has another scheme', () => `https://postgres:${secret}@127.0.0.1/`, /postgresql:/],
    [
      'the port is not a number',
      () => `postgresql://postgres:${secret}@127.0.0.1:abc/`,
      /postgresql:\/\//,
    ],
  ])('%s', async (name, url, remedy) => {
    const { code, stdout, stderr } = await runMaintenance(await url());
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(remedy);
    expect(stderr).not.toMatch(/^\s+at /m);
    if (!name.includes('no such database')) expect(stderr).not.toContain(secret);
  });
});

it('does nothing in a schema that does not support this version, and says what to run', async () => {
  await sql`update proxy_private.schema_version set oldest_gateway_version = 2`;
  const { code, stdout, stderr } = await runMaintenance(database.dbUrl);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain('run a newer gateway');
  await sql`update proxy_private.schema_version set oldest_gateway_version = 1`;
});

it('a process that fails reports it on stderr, and exits with 1', async () => {
  const { code, stdout, stderr } = await startMaintenance(['--day', 'today']).ended;
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain('--day requires a date');
  const { code: found } = await startMaintenance(['--day', '2010-07-01']).ended;
  expect(found).toBe(1);
});

it('without DATABASE_URL, it uses the local stack’s database', () => {
  expect(openDatabase(undefined).address).toBe(`127.0.0.1:${readProjectConfig().db.port}`);
});

describe('arguments', () => {
  it.each([
    [['--day', '2026-02-30']],
    [['--day', '2026-07']],
    [['--day', 'today']],
    [['--keep-days', 'all']],
    [['--keep-days', '-4']],
    [['--keep-targets-days', 'all']],
    [['--day', '2026-07-31', '--keep-targets-days', '12']],
    [['--day', '2026-07-31', '--keep-days', '12']],
    [['--everything']],
    [['2026-07']],
  ])('%j is refused with the usage, and nothing is done', async (args) => {
    const { code, stdout, stderr } = await runMaintenance(database.dbUrl, args);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('--keep-days <n>');
  });

  it('--help shows the usage', async () => {
    const { code, stdout } = await runMaintenance(database.dbUrl, ['--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('--day <YYYY-MM-DD>');
  });
});
