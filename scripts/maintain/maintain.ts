import { parseArgs } from 'node:util';
import type postgres from 'postgres';
import { commands } from '../../gateway/commands.ts';
import { readTime } from '../../gateway/read-time.ts';
import { type SchemaVersion, schemaProblem } from '../../gateway/readiness/schema-version.ts';
import { alignColumns } from '../aligned-table.ts';
import { runCommand } from '../operator-command.ts';
import { databaseUrlUsage, explainFailure, openDatabase } from '../operator-database.ts';
import { StackError } from '../stack/stack-error.ts';
import { openStore } from './archive/store.ts';
import { type Revocation, revokeSince } from './restore/revoke.ts';
import { type Report, runTask, type Task } from './tasks.ts';

const usage = `${commands.maintain}
    recounts the usage of yesterday, today and each older day whose events have changed since, creates
    the coming days' partitions, drops the events of days past their retention (90 days; rollups are
    kept), and checks owners' accounts and the gateways' logins
${commands.maintain} --keep-days <n>
    the same, and sets the retention of events to n days, from 3 to 36500. It is stored in
    proxy_private.maintenance_settings
${commands.maintain} --keep-targets-days <n>
    the same for usage by target and outcome, which is also kept for 90 days by default
${commands.maintain} --archive <where>
    the same, and before dropping any day writes each complete day as Parquet, to a folder or to
    s3://bucket/prefix
${commands.maintain} --day <YYYY-MM-DD>
    only recounts the usage of that day
${commands.maintain} --revoke-since <time> [--until <time>] --logs <file...>
    after the database was restored to that time (such as 2026-07-31T03:00:00Z), suspends each key
    that the gateways' logs show as changed after it, and before --until if given. The file - is
    standard input

${databaseUrlUsage}
Exits with 0 if all is well, and with 1 if a task failed or a report needs attention.`;

/** Runs `npm run maintain` and returns its exit code. */
export function maintain(
  args: string[],
  url: string | undefined,
  console: Pick<Console, 'log' | 'error'>,
): Promise<number> {
  const command = async () => {
    const { values, positionals } = parseArgs({
      args,
      options: {
        'keep-days': { type: 'string' },
        'keep-targets-days': { type: 'string' },
        day: { type: 'string' },
        archive: { type: 'string' },
        'revoke-since': { type: 'string' },
        until: { type: 'string' },
        logs: { type: 'string', multiple: true },
        help: { type: 'boolean' },
      },
      // further log files, as a shell expands a pattern
      allowPositionals: args.includes('--logs'),
    });
    if (values.help) console.log(usage);
    if (values.help) return 0;
    const revocation = readRevocation(values, positionals);
    if (revocation) return revokeSince(revocation, url, console);
    return run(readTasks(values), readAges(values), url, console);
  };
  return runCommand(command, usage, console);
}

interface Values {
  'keep-days'?: string;
  'keep-targets-days'?: string;
  day?: string;
  archive?: string;
  'revoke-since'?: string;
  until?: string;
  logs?: string[];
}

/** The database's settings by command-line option. */
const ages = { 'keep-days': 'keep_days', 'keep-targets-days': 'keep_targets_days' } as const;

function readTasks({ day, archive, ...values }: Values): Task[] {
  if (day === undefined) {
    return [
      { name: 'partitions' },
      { name: 'reconcile' },
      ...archiveTask(archive),
      { name: 'retention' },
      { name: 'accounts' },
      { name: 'privileges' },
      { name: 'alerts' },
    ];
  }
  if (archive !== undefined || readAges(values).size > 0) {
    throw new StackError(
      '--day only recounts one day: it cannot be combined with options that drop or archive.',
      usage,
    );
  }
  if (!isDay(day)) throw new StackError('--day requires a date, such as 2026-07-31.', usage);
  return [{ name: 'reconcile', day }];
}

function archiveTask(target: string | undefined): Task[] {
  return target === undefined ? [] : [{ name: 'archive', store: openStore(target, process.env) }];
}

function readAges(values: Values): Map<string, number> {
  const given = new Map<string, number>();
  for (const option of Object.keys(ages) as (keyof typeof ages)[]) {
    const days = values[option];
    if (days === undefined) continue;
    if (!/^\d{1,9}$/.test(days)) {
      throw new StackError(`--${option} requires a whole number.`, usage);
    }
    given.set(ages[option], Number(days));
  }
  return given;
}

/** The revocation to do after a restore, instead of maintenance; undefined if none is requested. */
function readRevocation(
  { 'revoke-since': since, until, logs = [], ...others }: Values,
  moreLogs: string[],
): Revocation | undefined {
  if (since === undefined && until === undefined && logs.length === 0) return;
  if (since === undefined || logs.length === 0 || Object.values(others).length > 0) {
    throw new StackError(
      '--revoke-since requires --logs, and allows no other option except --until.',
      usage,
    );
  }
  return {
    since: readMoment('--revoke-since', since),
    until: until === undefined ? null : readMoment('--until', until),
    files: [...logs, ...moreLogs],
  };
}

function readMoment(option: string, text: string): Date {
  try {
    return readTime(text);
  } catch (error) {
    throw new StackError(`${option}: ${(error as Error).message}`, usage);
  }
}

function isDay(text: string): boolean {
  const day = /^\d{4}-\d\d-\d\d$/.test(text) ? new Date(`${text}T00:00:00Z`) : null;
  // `Date` reads the 31st of a shorter month as a day of the next month
  return day !== null && !Number.isNaN(day.valueOf()) && day.toISOString().startsWith(text);
}

async function run(
  tasks: Task[],
  settings: Map<string, number>,
  url: string | undefined,
  console: Pick<Console, 'log' | 'error'>,
): Promise<number> {
  const database = openDatabase(url);
  const reports: Report[] = [];
  try {
    await requireServedVersion(database.sql);
    // committed before days are dropped, so that no gateway records into a day that is being dropped
    for (const [name, days] of settings) {
      await database.sql`
        update proxy_private.maintenance_settings set ${database.sql(name)} = ${days}`;
    }
    for (const task of tasks) {
      // days that should have been archived first are not dropped if archiving failed
      if (task.name === 'retention' && reports.some(isUnarchived)) reports.push(notDropped);
      else reports.push(...(await runTask(database.sql, task, console.error)));
    }
  } catch (error) {
    throw explainFailure(error, database.address);
  } finally {
    if (reports.length > 0) console.log(formatReports(reports));
    await database.sql.end({ timeout: 0 });
  }
  return reports.some(needsAttention) ? 1 : 0;
}

/** Maintenance is part of the gateway's package and supports the same schema versions. */
async function requireServedVersion(sql: postgres.Sql): Promise<void> {
  const [schema] = await sql<SchemaVersion[]>`
    select version, oldest_gateway_version as "oldestGatewayVersion"
    from gateway.schema_version()`;
  const problem = schema && schemaProblem(schema);
  if (problem) throw new StackError('Nothing was done.', `${problem.sentence}.`);
}

const notDropped: Report = {
  task: 'retention',
  day: null,
  outcome: 'skipped',
  detail: 'Not all days were archived.',
};

/** Whether a day that could be archived was not. A day kept for its drift is not dropped either. */
function isUnarchived({ task, outcome }: Report): boolean {
  return task === 'archive' && ['failed', 'skipped'].includes(outcome);
}

/** Whether an operator should look at it. */
function needsAttention({ outcome }: Report): boolean {
  return !['unchanged', 'made', 'repaired', 'archived', 'dropped'].includes(outcome);
}

function formatReports(reports: Report[]): string {
  return alignColumns([
    ['task', 'day', 'outcome', 'detail'],
    ...reports.map(({ task, day, outcome, detail }) => [task, day ?? '', outcome, detail]),
  ]);
}
