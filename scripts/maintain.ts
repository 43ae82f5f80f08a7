import { parseArgs } from 'node:util';
import { formatReports, needsAttention } from './maintain/report-table.ts';
import { type Report, runTask, type Task } from './maintain/tasks.ts';
import { explainFailure, openDatabase } from './operator-database.ts';
import { StackError } from './stack/stack-error.ts';

const usage = `npm run maintain                           recounts the usage of the last month and this one,
                                           makes the coming months' partitions, and checks
                                           owners' accounts and the gateways' logins
npm run maintain -- --keep-months <n>      drops the events of months before the last n as well,
                                           n being at least 4; their rollups stay. Without it the
                                           age in private.maintenance_settings holds, if one is set
npm run maintain -- --month <YYYY-MM>      recounts the usage of that month, and nothing else

DATABASE_URL names the database, as role postgres; without it, it is the local stack's.
Ends with 0 when all is well, and with 1 when something failed or waits for somebody.`;

try {
  const { values } = parseArgs({
    options: {
      'keep-months': { type: 'string' },
      month: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) console.log(usage);
  else await run(readTasks(values), process.env.DATABASE_URL);
} catch (error) {
  process.exitCode = 1;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (error instanceof StackError) console.error(`${error.message}\n${error.remedy}`);
  else if (code.startsWith('ERR_PARSE_ARGS'))
    console.error(`${(error as Error).message}\n${usage}`);
  else console.error(error);
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

async function run(tasks: Task[], url: string | undefined): Promise<void> {
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
  if (reports.some(needsAttention)) process.exitCode = 1;
}
