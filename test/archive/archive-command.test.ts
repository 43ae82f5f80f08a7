import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { maintain } from '../../scripts/maintain/maintain.ts';
import { forgetUsage } from '../../scripts/stack/forget-usage.ts';
import { fillDay, keepDays } from '../database/old-usage.ts';
import { callCommand, type Ended, startCommand } from '../support/operator-command.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { until } from '../support/stack/start-command.ts';
import { askDuckdb, daysAgo, filesOf, newFolder } from './archive-scenes.ts';

let database: OwnDatabase;
let sql: OwnDatabase['sql'];
let id: string;
let folder: string;

beforeAll(async () => {
  database = await startOwnDatabase();
  sql = database.sql;
  id = (await database.newKeys(1))[0]?.id ?? '';
});
afterAll(() => database.stop());

const [older, newer] = [daysAgo(5), daysAgo(2)];

beforeEach(async () => {
  await forgetUsage(sql);
  await sql`truncate proxy_private.archived_usage_days, proxy_private.reconciled_usage_days`;
  await sql`update proxy_private.maintenance_settings set keep_days = 90, require_archive = false`;
  folder = newFolder();
});

/** Task, day and outcome of the rows about the archive and retention. */
const outcomes = ({ stdout }: Ended) =>
  stdout
    .split('\n')
    .map((line) => line.split(/ {2,}/).slice(0, 3).join(' '))
    .filter((line) => /^(archive|retention)/.test(line));
const run = (...args: string[]) =>
  callCommand(maintain, ['--archive', folder, ...args], database.dbUrl);
const start = (nodeOptions: string[] = []) =>
  startCommand('scripts/maintain.ts', ['--archive', folder], database.dbUrl, nodeOptions);
const exists = async (day: string) => {
  const [row] = await sql`select proxy_private.usage_partition(${day}) is not null as exists`;
  return row?.exists === true;
};

it('archives a day before retention drops it, and exits with 0', async () => {
  await fillDay(sql, id, older, 3);
  await fillDay(sql, id, newer, 2);
  await keepDays(sql, 3);
  const ended = await start().ended;
  expect([ended.code, ended.stderr, outcomes(ended)]).toEqual([
    0,
    '',
    [`archive ${older} archived`, `archive ${newer} archived`, `retention ${older} dropped`],
  ]);
  expect([await exists(older), await exists(newer)]).toEqual([false, true]);
  const again = await run();
  expect([again.code, outcomes(again)[0]]).toEqual([
    0,
    expect.stringMatching(/^archive +unchanged/),
  ]);
  expect(await askDuckdb(`select count(*)::integer as n from '${folder}/*/*.parquet'`)).toEqual([
    { n: 5 },
  ]);
});

it('keeps days that are not archived, if archiving is required', async () => {
  await sql`update proxy_private.maintenance_settings set keep_days = 3, require_archive = true`;
  await fillDay(sql, id, older, 3);
  const without = await callCommand(maintain, [], database.dbUrl);
  expect([without.code, outcomes(without)]).toEqual([1, [`retention ${older} kept`]]);
  const ended = await run();
  expect(outcomes(ended)).toEqual([`archive ${older} archived`, `retention ${older} dropped`]);
});

describe('a day that cannot be archived is reported in a sentence, and nothing is dropped', () => {
  beforeEach(async () => {
    await fillDay(sql, id, older, 5_000);
    await keepDays(sql, 3);
  });

  async function expectFailed(ended: Ended, sentence: RegExp) {
    expect([ended.code, outcomes(ended), ended.stderr]).toEqual([
      1,
      [`archive ${older} failed`, expect.stringMatching(/^retention +skipped/)],
      '',
    ]);
    expect(ended.stdout).toMatch(sentence);
    // the other tasks have run
    expect(ended.stdout).toMatch(/^privileges +unchanged/m);
    expect(await exists(older)).toBe(true);
    expect(await sql`table proxy_private.archived_usage_days`).toHaveLength(0);
    expect(filesOf(folder).filter((name) => name.includes('parquet'))).toEqual([]);
  }

  it('a target that is not a folder', async () => {
    writeFileSync(folder, '');
    await expectFailed(
      await run(),
      /archive was not written: the path is not a folder \(EEXIST\)\. Fix this/,
    );
  });

  it('a full disk', async () => {
    // the limit of a file's size, in bytes; without a listener the signal would kill the process
    const preload = `data:text/javascript,import { execFileSync } from 'node:child_process';
      process.on('SIGXFSZ', () => {});
      execFileSync('prlimit', ['--fsize=51200', '--pid', String(process.pid)]);`;
    await expectFailed(
      await start(['--import', preload]).ended,
      /(EFBIG|DuckDB did not write)[^\n]*Fix/,
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it('DuckDB is not installed', async () => {
    const preload = `data:text/javascript,import { registerHooks } from 'node:module';
      registerHooks({ resolve(name, context, next) {
        return next(name === '@duckdb/node-api' ? name + '-that-is-not-installed' : name, context);
      } });`;
    await expectFailed(
      await start(['--import', preload]).ended,
      /DuckDB, which writes the archive, is not installed\. Install it with `npm install --include=optional`/,
    );
  });
});

describe('a run that is killed leaves no incomplete file', () => {
  const unfinished = () =>
    existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith('unfinished-')) : [];

  it.each([
    ['SIGTERM', 0],
    ['SIGKILL', 1],
  ] as const)('with %s, and the next run archives the day', async (signal, left) => {
    await fillDay(sql, id, older, 100_000);
    const { child, ended } = start();
    await until(() => unfinished().length > 0);
    child.kill(signal);
    await ended;
    expect(unfinished()).toHaveLength(left);
    expect(filesOf(folder).filter((name) => name.startsWith('day='))).toEqual([]);
    await until(async () => {
      const next = await run();
      return next.code === 0 && outcomes(next)[0] === `archive ${older} archived`;
    });
    expect(readdirSync(folder).sort()).toEqual([`day=${older}`, 'manifest']);
  });
});

describe('arguments', () => {
  it.each([
    [['--archive', '']],
    [['--archive', 'https://example.com/archive']],
    [['--archive', 's3://']],
    [['--archive', 's3://bucket/a//b']],
    [['--archive', 's3://bucket/../other']],
    [['--archive', '/tmp/archive', '--day', '2026-07-31']],
  ])('%j is refused, and nothing is done', async (args) => {
    const { code, stdout, stderr } = await callCommand(maintain, args, database.dbUrl);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/--archive/);
  });

  it('a bucket without credentials in the environment is refused', async () => {
    const { code, stderr } = await callCommand(
      maintain,
      ['--archive', 's3://bucket'],
      database.dbUrl,
    );
    expect([code, stderr]).toEqual([1, expect.stringContaining('AWS_ACCESS_KEY_ID')]);
  });
});
