import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import postgres from 'postgres';
import { measureDashboard } from './bench/dashboard.ts';
import { measureDelivery } from './bench/delivery.ts';
import { measureEdge } from './bench/edge.ts';
import { measureFairness } from './bench/fairness.ts';
import { measureFlatness } from './bench/flatness.ts';
import { measureGateway } from './bench/gateway.ts';
import type { Measuring, Size } from './bench/measuring.ts';
import { measureMetering } from './bench/metering.ts';
import { formatReport, newReport } from './bench/report.ts';
import { measureRevocation } from './bench/revocation.ts';
import { measureRoutes } from './bench/routes.ts';
import { openScene } from './bench/scene.ts';
import { measureStarts } from './bench/starts.ts';
import { measureStatements } from './bench/statements.ts';
import { projectRoot } from './stack/project-root.ts';
import { startStack } from './stack/stack.ts';

const usage = `npm run bench                        runs all benchmarks, which takes several minutes
npm run bench -- --quick             a smoke test: every benchmark, with too few rounds to be meaningful
npm run bench -- --only <group>      one of routes, sql, fairness, flat, gateway, revocation,
                                     metering, dashboard, edge, delivery and starts
npm run bench -- --json <file>       also writes the figures to that file`;

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
  listedKeys: 2_000,
  revocations: 200,
  alerts: 200,
  alertPauseMs: 200,
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
  listedKeys: 20,
  revocations: 2,
  alerts: 2,
  alertPauseMs: 10,
};

const groups: Record<string, (measuring: Measuring) => Promise<void>> = {
  routes: measureRoutes,
  sql: measureStatements,
  fairness: measureFairness,
  flat: measureFlatness,
  gateway: measureGateway,
  revocation: measureRevocation,
  metering: measureMetering,
  dashboard: measureDashboard,
  edge: measureEdge,
  delivery: measureDelivery,
  starts: measureStarts,
};

const abort = new AbortController();
const startedAt = performance.now();

try {
  const { values } = parseArgs({
    options: {
      json: { type: 'string' },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help || (values.only && !Object.hasOwn(groups, values.only))) {
    console.error(usage);
    process.exitCode = values.help ? 0 : 1;
  } else {
    await run(values.only, values.quick ? quick : full, values.json);
  }
} catch (error) {
  process.exitCode = 1;
  if (abort.signal.aborted) console.error('stopped');
  else if (error instanceof TypeError && 'code' in error)
    console.error(`${error.message}\n${usage}`);
  else console.error(error);
}

/** Runs the benchmarks on one temporary stack, which writes to disk as durably as in production. */
async function run(only: string | undefined, size: Size, jsonFile?: string): Promise<void> {
  const { signal } = abort;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => abort.abort());
  }
  tell('starting a stack');
  await using undo = new AsyncDisposableStack();
  const floor = join(projectRoot, 'scripts', 'bench', 'floor', 'index.ts');
  const stack = await startStack({
    ephemeral: true,
    durable: true,
    signal,
    extraFunctions: [{ name: 'floor', entrypoint: floor }],
  });
  undo.defer(() => stack.stop());
  const sql = postgres(stack.dbUrl, { max: 2, onnotice: () => {} });
  undo.defer(() => sql.end({ timeout: 1 }));
  tell('the stack is ready');
  const command = ['npm run bench --', ...process.argv.slice(2)].join(' ');
  const report = newReport(command, await describeDatabase(sql));
  const scene = await openScene(sql, stack.keysFile);
  for (const [name, measure] of Object.entries(groups)) {
    if (name === (only ?? name)) await measure({ stack, sql, scene, size, report, signal, tell });
  }
  if (jsonFile) writeFileSync(jsonFile, `${JSON.stringify(report, null, 2)}\n`);
  console.log(formatReport(report));
}

async function describeDatabase(sql: postgres.Sql): Promise<Record<string, string>> {
  const settings = await sql<{ name: string; setting: string }[]>`
    select name, setting from pg_settings
    where name in ('server_version', 'fsync', 'synchronous_commit')`;
  return Object.fromEntries(settings.map(({ name, setting }) => [name, setting]));
}

function tell(progress: string): void {
  console.error(
    `${((performance.now() - startedAt) / 1000).toFixed(0).padStart(5)} s  ${progress}`,
  );
}
