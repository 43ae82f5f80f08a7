import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import postgres from 'postgres';
import type { Exchange } from '../test/gateway/forwarding/exchange.ts';
import { sections } from '../test/gateway/forwarding/exchanges.ts';
import { faultsOf } from '../test/gateway/forwarding/facts.ts';
import {
  type ProxyUnderTest,
  type Reached,
  runExchange,
} from '../test/gateway/forwarding/run-exchange.ts';
import { newBenchKeys } from './bench/gateway/bench-keys.ts';
import { openScene } from './bench/scene.ts';
import { describeComparison } from './compare/describe-comparison.ts';
import type { Outcome, Row } from './compare/forwarding-table.ts';
import { installedVersion, squid, startOtherProxy, tinyproxy } from './compare/other-proxies.ts';
import { projectRoot } from './stack/project-root.ts';
import { startStack } from './stack/stack.ts';

const usage = `npm run compare-proxies                    writes docs/forwarding.md
npm run compare-proxies -- --out <file>    writes to that file instead
npm run compare-proxies -- --only <text>   prints the outcomes of exchanges whose name contains the text`;

/** The number of concurrent exchanges: an exchange that hangs takes seconds. */
const atOnce = 8;
/** The number of runs of each exchange, so that intermittent faults show up in every table. */
const runs = 10;

/** A column of the table. */
interface Column extends ProxyUnderTest {
  name: string;
}

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(projectRoot, 'docs', 'forwarding.md') },
    only: { type: 'string' },
    help: { type: 'boolean' },
  },
});
if (values.help) console.error(usage);
else await compare();

async function compare(): Promise<void> {
  await using undo = new AsyncDisposableStack();
  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort());
  const stack = await startStack({ ephemeral: true, dashboard: false, signal: abort.signal });
  undo.defer(() => stack.stop());
  const columns: Column[] = [
    {
      name: 'This gateway',
      port: Number(new URL(stack.gatewayUrl).port),
      basicAuth: await makeKey(stack.dbUrl, stack.keysFile),
    },
  ];
  const others = [squid, tinyproxy].map((proxy) => ({ proxy, version: installedVersion(proxy) }));
  for (const { proxy, version } of others) {
    if (version === undefined) {
      console.error(`${proxy.name} is not installed and is skipped`);
      continue;
    }
    const { port } = undo.use(await startOtherProxy(proxy));
    columns.push({ name: `${proxy.name} ${version}`, port, basicAuth: 'user:password' });
  }
  const tables: { title: string; rows: Row[] }[] = [];
  for (const { title, exchanges } of sections) {
    const asked = exchanges.filter(({ name }) => name.includes(values.only ?? ''));
    const rows: Row[] = [];
    for (let place = 0; place < asked.length; place += atOnce) {
      abort.signal.throwIfAborted();
      const some = asked.slice(place, place + atOnce);
      rows.push(...(await Promise.all(some.map((exchange) => rowOf(exchange, columns)))));
    }
    tables.push({ title, rows });
  }
  if (!values.only) writeFileSync(values.out, describeComparison(columns, others, tables));
}

async function rowOf(exchange: Exchange, columns: Column[]): Promise<Row> {
  const outcomes = await Promise.all(columns.map((column) => outcomeOf(exchange, column)));
  const { name, right } = exchange;
  if (values.only) console.dir({ name, right, outcomes }, { depth: 6 });
  return { name, right, outcomes };
}

async function outcomeOf(exchange: Exchange, column: Column): Promise<Outcome> {
  const reached: Reached[] = [];
  let faults: string[] = [];
  while (reached.length < runs && faults.length === 0) {
    const latest = await runExchange(exchange, column);
    reached.push(latest);
    faults = faultsOf(exchange, latest);
  }
  return { faults, reached };
}

/** Creates a key whose limits are never reached; returns `keyId:secret`. */
async function makeKey(databaseUrl: string, keysFile: string): Promise<string> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    const scene = await openScene(sql, keysFile);
    const [key] = await newBenchKeys({ scene, sql }, await scene.newUsers(1));
    if (!key) throw new Error('no key was created');
    return key.pair;
  } finally {
    await sql.end();
  }
}
