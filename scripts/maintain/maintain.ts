import { parseArgs } from 'node:util';
import { alignColumns } from '../aligned-table.ts';
import { runCommand } from '../operator-command.ts';
import { explainFailure, openDatabase } from '../operator-database.ts';
import { StackError } from '../stack/stack-error.ts';
import { type Report, runTask, type Task } from './tasks.ts';

const usage = `npm run maintain                           recounts the usage of the last month and this one,
                                           makes the coming months' partitions, and checks
                                           owners' accounts and the gateways' logins
npm run maintain -- --keep-months <n>      drops the events of months before the last n as well,
                                           n being at least 4; their rollups stay. Without it the
                                           age in private.maintenance_settings holds, if one is set
npm run maintain -- --month <YYYY-MM>      recounts the usage of that month, and nothing else

DATABASE_URL names the database, as role postgres; without it, it is the local stack's.
Ends with 0 when all is well, and with 1 when something failed or waits for somebody.`;

/** `npm run maintain`: returns its exit code. */
export function maintain(
  args: string[],
  url: string | undefined,
  console: Pick<Console, 'log' | 'error'>,
): Promise<number> {
  const command = async () => {
    const { values } = parseArgs({
      args,
      options: {
        'keep-months': { type: 'string' },
        month: { type: 'string' },
        help: { type: 'boolean' },
      },
    });
    if (!values.help) return run(readTasks(values), url, console);
    console.log(usage);
    return 0;
  };
  return runCommand(command, usage, console);
}

function readTasks(values: { 'keep-months'?: string; month?: string }): Task[] {
  const { month, 'keep-months': keepMonths } = values;
  if (month !== undefined && keepMonths !== undefined) {
    throw new StackError('--month reconciles one month and drops nothing.', usage);
  }
  if (month !== undefined) {
    if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(month)) {
      throw new StackError('--month wants a year and a month, as 2026-07.', usage);
    }
    return [{ name: 'reconcile', month }];
  }
  if (keepMonths !== undefined && !/^\d{1,5}$/.test(keepMonths)) {
    throw new StackError('--keep-months wants a whole number.', usage);
  }
  return [
    { name: 'partitions' },
    { name: 'reconcile' },
    keepMonths === undefined
      ? { name: 'retention' }
      : { name: 'retention', keepMonths: Number(keepMonths) },
    { name: 'accounts' },
    { name: 'privileges' },
  ];
}

async function run(
  tasks: Task[],
  url: string | undefined,
  console: Pick<Console, 'log' | 'error'>,
): Promise<number> {
  const database = openDatabase(url);
  const reports: Report[] = [];
  try {
    for (const task of tasks) reports.push(...(await runTask(database.sql, task, console.error)));
  } catch (error) {
    throw explainFailure(error, database.address);
  } finally {
    if (reports.length > 0) console.log(formatReports(reports));
    await database.sql.end({ timeout: 0 });
  }
  return reports.some(needsAttention) ? 1 : 0;
}

/** Whether somebody should look at it. */
function needsAttention({ outcome }: Report): boolean {
  return !['unchanged', 'made', 'repaired', 'dropped'].includes(outcome);
}

function formatReports(reports: Report[]): string {
  return alignColumns([
    ['task', 'month', 'outcome', 'detail'],
    ...reports.map(({ task, month, outcome, detail }) => [task, month ?? '', outcome, detail]),
  ]);
}
