import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import postgres from 'postgres';
import { measureDashboard } from './bench/dashboard.ts';
import { measureFairness } from './bench/fairness.ts';
import { measureFlatness } from './bench/flatness.ts';
import { measureGateway } from './bench/gateway.ts';
import type { Measuring, Size } from './bench/measuring.ts';
import { measureMetering } from './bench/metering.ts';
import { formatReport, newReport, type Report } from './bench/report.ts';
import { measureRevocation } from './bench/revocation.ts';
import { measureRoutes } from './bench/routes.ts';
import { openScene } from './bench/scene.ts';
import { measureStarts } from './bench/starts.ts';
import { measureStatements } from './bench/statements.ts';
import { projectRoot } from './stack/project-root.ts';
import { startStack } from './stack/stack.ts';

const usage = `npm run bench                        measures everything, in some minutes
npm run bench -- --quick             a smoke run: every measurement, too few rounds to mean much
npm run bench -- --only <group>      routes, sql, fairness, flat, gateway, revocation,
                                     metering, dashboard or starts
npm run bench -- --json <file>       writes the figures there too`;

const full: Size = {
  rounds: 40,
  warmUpRounds: 20,
  requests: 10,
  statements: 20,
  events: 1_000_000,
  pages: 500,
  starts: 3,
  connectMilliseconds: 2_000,
  transferMegabytes: 200,
  tunnels: 1_000,
  cachedKeys: 100_000,
  settleMilliseconds: 1_500,
  shownKeys: 1_500,
  revocations: 200,
};
const quick: Size = {
  rounds: 1,
  warmUpRounds: 0,
  requests: 1,
  statements: 1,
  events: 1_000,
  pages: 2,
  starts: 1,
  connectMilliseconds: 50,
  transferMegabytes: 1,
  tunnels: 20,
  cachedKeys: 100,
  settleMilliseconds: 100,
  shownKeys: 20,
  revocations: 2,
};

const stackGroups: Record<string, (measuring: Measuring) => Promise<void>> = {
  routes: measureRoutes,
  sql: measureStatements,
  fairness: measureFairness,
  flat: measureFlatness,
  gateway: measureGateway,
  revocation: measureRevocation,
  metering: measureMetering,
  dashboard: measureDashboard,
};

const abort = new AbortController();
const begun = performance.now();

try {
  const { values } = parseArgs({
    options: {
      json: { type: 'string' },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  const groups = [...Object.keys(stackGroups), 'starts'];
  if (values.help || (values.only && !groups.includes(values.only))) {
    console.error(usage);
    process.exitCode = values.help ? 0 : 1;
  } else {
    await run(values.only ? [values.only] : groups, values.quick, values.json);
  }
} catch (error) {
  process.exitCode = 1;
  if (abort.signal.aborted) console.error('stopped');
  else if (error instanceof TypeError && 'code' in error)
    console.error(`${error.message}\n${usage}`);
  else console.error(error);
}

async function run(groups: string[], isQuick: boolean, jsonFile?: string): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => abort.abort());
  }
  const args = process.argv.slice(2).join(' ');
  const report = newReport(args ? `npm run bench -- ${args}` : 'npm run bench');
  const size = isQuick ? quick : full;
  if (groups.some((name) => name in stackGroups)) await measureOnStack(groups, size, report);
  if (groups.includes('starts')) {
    await measureStarts({ size, report, signal: abort.signal, tell });
  }
  if (jsonFile) writeFileSync(jsonFile, `${JSON.stringify(report, null, 2)}\n`);
  console.log(formatReport(report));
}

/** One throw-away stack under all of them, that writes to disk as production does. */
async function measureOnStack(groups: string[], size: Size, report: Report): Promise<void> {
  tell('starting a stack');
  const stack = await startStack({
    ephemeral: true,
    durable: true,
    signal: abort.signal,
    extraFunctions: [
      { name: 'floor', entrypoint: join(projectRoot, 'scripts', 'bench', 'floor', 'index.ts') },
    ],
  });
  const sql = postgres(stack.dbUrl, { max: 2, onnotice: () => {} });
  try {
    tell('the stack is ready');
    report.database = await describeDatabase(sql);
    const scene = await openScene(sql, stack.keysFile);
    const measuring = { stack, sql, scene, size, report, signal: abort.signal, tell };
    for (const name of groups) await stackGroups[name]?.(measuring);
  } finally {
    await sql.end({ timeout: 1 });
    await stack.stop();
  }
}

async function describeDatabase(sql: postgres.Sql): Promise<NonNullable<Report['database']>> {
  const settings = await sql<{ name: string; setting: string }[]>`
    select name, setting from pg_settings
    where name in ('server_version', 'fsync', 'synchronous_commit')`;
  return Object.fromEntries(settings.map(({ name, setting }) => [name, setting]));
}

function tell(progress: string): void {
  console.error(`${((performance.now() - begun) / 1000).toFixed(0).padStart(5)} s  ${progress}`);
}
