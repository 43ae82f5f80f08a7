import { once } from 'node:events';
import getPort from 'get-port';
import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maintain } from '../scripts/maintain/maintain.ts';
import { openDatabase } from '../scripts/operator-database.ts';
import { readProjectConfig } from '../scripts/stack/project-config.ts';
import { connectAlone } from './support/connect-alone.ts';
import { callCommand, type Ended, startCommand } from './support/operator-command.ts';
import { type OwnDatabase, startOwnDatabase } from './support/own-stack.ts';
import { findDrift, recordUsage, usageEvent } from './support/usage-events.ts';
import { monthFromNow } from './support/usage-scenes.ts';

const password = 'postgres';

let database: OwnDatabase;
let sql: postgres.Sql;
let id: string;

beforeAll(async () => {
  database = await startOwnDatabase();
  sql = database.sql;
  id = (await database.newKeys(1))[0]?.id ?? '';
  await recordUsage(database.gateway, [usageEvent(id)]);
});

afterAll(() => database.stop());

/** The table of what was done, a row as its cells. */
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

/** Task, month and outcome of each row, where there is a month. */
const outcomes = (rows: string[][]) =>
  rows.map((row) => row.slice(0, /^\d{4}-/.test(row[1] ?? '') ? 3 : 2).join(' '));

const [thisMonth, lastMonth] = [monthFromNow(0).slice(0, 7), monthFromNow(-1).slice(0, 7)];
const partitionOf = (month: string) =>
  `private.proxy_usage_events_${month.slice(0, 7).replace('-', '_')}`;

async function exists(month: string): Promise<boolean> {
  const [row] = await sql`select to_regclass(${partitionOf(month)}) is not null as exists`;
  return row?.exists === true;
}

async function addDrift(): Promise<void> {
  await sql`update private.proxy_usage_monthly set bytes_sent = 7 where api_key_id = ${id}`;
}

it('does all its tasks, in aligned columns, and ends with 0', async () => {
  await sql.unsafe(`drop table ${partitionOf(monthFromNow(12))}`);
  const { code, rows, stdout, stderr } = withRows(await startMaintenance().ended);
  expect([code, stderr]).toEqual([0, '']);
  expect(outcomes(rows)).toEqual([
    'partitions made',
    `reconcile ${lastMonth} unchanged`,
    `reconcile ${thisMonth} unchanged`,
    'retention unchanged',
    'accounts unchanged',
    'privileges unchanged',
  ]);
  expect(await exists(monthFromNow(12))).toBe(true);
  const lines = stdout.trimEnd().split('\n');
  const columns = lines[0]?.indexOf('outcome') ?? -1;
  expect(lines.map((line) => line[columns - 1])).toEqual(Array(7).fill(' '));
  expect(lines.map((line) => line[columns])).not.toContain(' ');
});

it('repairs drift, says so, and leaves a log', async () => {
  await addDrift();
  const { code, rows } = await runMaintenance(database.dbUrl);
  expect([code, outcomes(rows)[2]]).toEqual([0, `reconcile ${thisMonth} repaired`]);
  expect(await findDrift(sql, [id])).toEqual([]);
  const again = await runMaintenance(database.dbUrl);
  expect([again.code, outcomes(again.rows)[2]]).toEqual([0, `reconcile ${thisMonth} unchanged`]);
  const logged = await sql`
    select task, to_char(month, 'YYYY-MM') as month from private.maintenance_log
    where outcome = 'repaired'`;
  expect([...logged]).toEqual([{ task: 'reconcile', month: thisMonth }]);
});

it('reconciles one month alone', async () => {
  await addDrift();
  const other = await runMaintenance(database.dbUrl, ['--month', lastMonth]);
  expect([other.code, outcomes(other.rows)]).toEqual([0, [`reconcile ${lastMonth} unchanged`]]);
  const run = await runMaintenance(database.dbUrl, ['--month', thisMonth]);
  expect([run.code, outcomes(run.rows)]).toEqual([0, [`reconcile ${thisMonth} repaired`]]);
  expect(await findDrift(sql, [id])).toEqual([]);
});

describe('old months', () => {
  const month = '2010-06-01';

  it('are kept where no age is given, and dropped by --keep-months', async () => {
    await sql`select private.make_usage_partitions(${month}, ${month})`;
    expect(await runMaintenance(database.dbUrl)).toMatchObject({ code: 0 });
    expect(await exists(month)).toBe(true);
    const { code, rows } = await runMaintenance(database.dbUrl, ['--keep-months', '12']);
    expect([code, outcomes(rows)[3]]).toEqual([0, 'retention 2010-06 dropped']);
    expect(await exists(month)).toBe(false);
  });

  it('are dropped by the age in the settings', async () => {
    await sql`select private.make_usage_partitions('2010-07-01', '2010-07-01')`;
    await sql`update private.maintenance_settings set keep_months = 12`;
    const { code, rows } = await runMaintenance(database.dbUrl);
    expect([code, outcomes(rows)[3]]).toEqual([0, 'retention 2010-07 dropped']);
    await sql`update private.maintenance_settings set keep_months = null`;
  });

  it('with drift are kept, and the end is 1', async () => {
    await sql`select private.make_usage_partitions('2010-08-01', '2010-08-01')`;
    await sql`
      insert into private.proxy_usage_monthly values (${id}, '2010-08-01', null, 1, 2, 3, now())`;
    const { code, rows } = await runMaintenance(database.dbUrl, ['--keep-months', '4']);
    expect([code, outcomes(rows)[3]]).toEqual([1, 'retention 2010-08 kept']);
    expect(await exists('2010-08-01')).toBe(true);
    expect(await runMaintenance(database.dbUrl, ['--month', '2010-08'])).toMatchObject({ code: 0 });
    expect(await runMaintenance(database.dbUrl, ['--keep-months', '4'])).toMatchObject({ code: 0 });
  });

  it('a task that fails stops no other, and the end is 1', async () => {
    await addDrift();
    const { code, rows } = await runMaintenance(database.dbUrl, ['--keep-months', '3']);
    expect([code, outcomes(rows).slice(2)]).toEqual([
      1,
      [
        `reconcile ${thisMonth} repaired`,
        'retention failed',
        'accounts unchanged',
        'privileges unchanged',
      ],
    ]);
  });

  it('that were dropped are not reconciled, and the end is 1', async () => {
    const { code, rows } = await runMaintenance(database.dbUrl, ['--month', '2010-06']);
    expect([code, outcomes(rows)]).toEqual([1, ['reconcile 2010-06 failed']]);
  });
});

it('in one call, a task that fails is reported and stops no other', async () => {
  await addDrift();
  const rows = await sql`select task, outcome from private.maintain_usage(3)`;
  expect(rows.map(({ task, outcome }) => `${task} ${outcome}`)).toEqual([
    'reconcile unchanged',
    'reconcile repaired',
    'retention failed',
    'partitions unchanged',
    'accounts unchanged',
    'privileges unchanged',
  ]);
  expect(await findDrift(sql, [id])).toEqual([]);
  await expect(sql`select from private.maintain_usage(tasks => '{tidy}')`).rejects.toMatchObject({
    code: '22023',
  });
});

it('skips what other maintenance is at, and ends with 1', async () => {
  const other = await connectAlone(database.dbUrl);
  await other`begin`;
  await other`select from private.reconcile_usage(now()::date)`;
  const { code, rows } = await runMaintenance(database.dbUrl);
  expect([code, outcomes(rows)]).toEqual([
    1,
    ['partitions', 'reconcile', 'retention', 'accounts', 'privileges'].map(
      (task) => `${task} skipped`,
    ),
  ]);
  await other`rollback`;
});

it('repairs what lets gateways make temporary objects, and says what it cannot repair', async () => {
  await sql`grant temporary on database postgres to public`;
  const repaired = await runMaintenance(database.dbUrl);
  expect([repaired.code, outcomes(repaired.rows)[5]]).toEqual([0, 'privileges repaired']);
  await sql`grant temporary on database postgres to proxy_gateway_local`;
  const found = await runMaintenance(database.dbUrl);
  expect([found.code, outcomes(found.rows)[5]]).toEqual([1, 'privileges found']);
  expect(found.stdout).toContain('proxy_gateway_local may make temporary objects here.');
  await sql`revoke temporary on database postgres from proxy_gateway_local`;
});

it('brings keys in step with the accounts of their owners', async () => {
  await sql`update private.proxy_keys set owner_barred_until = '2100-01-01' where id = ${id}`;
  const { code, rows } = await runMaintenance(database.dbUrl);
  expect([code, outcomes(rows)[4]]).toEqual([0, 'accounts repaired']);
  const [key] = await sql`select active from private.key_states where id = ${id}`;
  expect(key).toEqual({ active: true });
});

it('says what it is at when that takes long', async () => {
  await addDrift();
  const holding = await connectAlone(database.dbUrl);
  await holding`begin`;
  await holding`select from private.proxy_usage_monthly where api_key_id = ${id} for update`;
  const run = startMaintenance();
  while (!run.words.stderr.includes('reconcile: 2 s'))
    await once(run.child.stderr ?? run.child, 'data');
  await holding`rollback`;
  expect(await run.ended).toMatchObject({ code: 0 });
});

describe('where it cannot work it says what to do, and never the password', () => {
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
    ['the role is another', () => database.gatewayDbUrl, /role postgres/],
    [
      'there are no migrations',
      () => database.dbUrl.replace(/postgres$/, 'template1'),
      /migrations/,
    ],
    ['the URL is none', () => `postgresql//postgres:${secret}@127.0.0.1`, /postgresql:\/\//],
    ['the URL is of something else', () => `https://postgres:${secret}@127.0.0.1/`, /postgresql:/],
    ['the port is none', () => `postgresql://postgres:${secret}@127.0.0.1:abc/`, /postgresql:\/\//],
  ])('%s', async (name, url, remedy) => {
    const { code, stdout, stderr } = await runMaintenance(await url());
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(remedy);
    expect(stderr).not.toMatch(/^\s+at /m);
    if (!name.includes('no such database')) expect(stderr).not.toContain(secret);
  });
});

it('a process that fails says so on stderr, and ends with 1', async () => {
  const { code, stdout, stderr } = await startMaintenance(['--month', 'May']).ended;
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain('--month wants a year and a month');
  const { code: found } = await startMaintenance(['--month', '2010-06']).ended;
  expect(found).toBe(1);
});

it('without DATABASE_URL it is the local stack’s database', () => {
  expect(openDatabase(undefined).address).toBe(`127.0.0.1:${readProjectConfig().db.port}`);
});

describe('arguments', () => {
  it.each([
    [['--month', '2026-13']],
    [['--month', 'May']],
    [['--keep-months', 'all']],
    [['--keep-months', '-4']],
    [['--month', '2026-07', '--keep-months', '12']],
    [['--everything']],
    [['2026-07']],
  ])('%j is refused with the usage, and nothing is done', async (args) => {
    const { code, stdout, stderr } = await runMaintenance(database.dbUrl, args);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('--keep-months <n>');
  });

  it('--help shows the usage', async () => {
    const { code, stdout } = await runMaintenance(database.dbUrl, ['--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('--month <YYYY-MM>');
  });
});
