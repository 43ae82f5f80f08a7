import { parseArgs } from 'node:util';
import postgres from 'postgres';
import { clientCase } from '../test/gateway/fuzz/client-cases.ts';
import type { FuzzCase } from '../test/gateway/fuzz/fuzz-case.ts';
import { makeFuzzKey } from '../test/gateway/fuzz/fuzz-key.ts';
import { type FuzzedGateway, startFuzzedGateway } from '../test/gateway/fuzz/fuzzed-gateway.ts';
import { expectNothingLeft, fuzz } from '../test/gateway/fuzz/fuzzing.ts';
import { targetCase } from '../test/gateway/fuzz/target-cases.ts';
import { startDeafTarget } from '../test/gateway/targets/deaf-target.ts';
import { SeededRandom } from '../test/support/gateway/seeded-random.ts';
import { startStack } from './stack/stack.ts';

const usage = `npm run fuzz                                runs a million exchanges through a gateway, half of
                                            them with broken clients, half with broken targets
npm run fuzz -- --cases <n> --seed <n>      runs this many, the same ones for the same seed
npm run fuzz -- --kind client|target        runs only one half
npm run fuzz -- --case <json>               repeats a case that was printed

Exits with 1 if an exchange went wrong, or if the gateway exited, failed or leaked resources.`;

/** Below the number of connections that one address may have before it proves a key. */
const atOnce = 200;
/** Cases between two checks for leaks. */
const round = 20_000;
const tellEveryMs = 5_000;
/** Stops after this many findings: more are usually repetitions. */
const mostFindings = 20;
type MakeCase = (number: number, basicAuth: string) => FuzzCase;
const makers = { client: clientCase, target: targetCase };

try {
  const { values } = parseArgs({
    options: {
      cases: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
      kind: { type: 'string' },
      case: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  const wrong =
    (values.kind !== undefined && !(values.kind in makers)) ||
    ![values.cases, values.seed].every((text) => /^\d{1,9}$/.test(text));
  if (values.help || wrong) {
    console.error(usage);
    process.exitCode = values.help ? 0 : 1;
  } else if (values.case !== undefined) {
    const fuzzCase = JSON.parse(values.case) as FuzzCase;
    await run(() => fuzzCase, 1);
  } else {
    const seed = Number(values.seed);
    console.error(`--seed ${seed} --cases ${values.cases}`);
    const kinds = Object.keys(makers).filter((kind) => !values.kind || kind === values.kind);
    const makeCase: MakeCase = (number, basicAuth) => {
      const make = makers[kinds[number % kinds.length] as keyof typeof makers];
      return make(new SeededRandom(seed + number), basicAuth);
    };
    await run(makeCase, Number(values.cases));
  }
} catch (error) {
  process.exitCode = 1;
  if (error instanceof TypeError && 'code' in error) console.error(`${error.message}\n${usage}`);
  else console.error(error);
}

async function run(makeCase: MakeCase, count: number): Promise<void> {
  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => abort.abort());
  }
  await using undo = new AsyncDisposableStack();
  const stack = await startStack({ ephemeral: true, dashboard: false, signal: abort.signal });
  undo.defer(() => stack.stop());
  const sql = postgres(stack.dbUrl, { max: 1, onnotice: () => {} });
  undo.defer(() => sql.end());
  const basicAuth = await makeFuzzKey(sql);
  const deaf = await startDeafTarget();
  undo.defer(() => deaf.close());
  const gateway = await startFuzzedGateway(stack.gatewayDbUrl, basicAuth);
  undo.defer(() => gateway.stop());
  const numbered = (number: number) => makeCase(number, basicAuth);
  await fuzzInRounds(gateway, deaf.port, numbered, count, abort.signal);
}

async function fuzzInRounds(
  gateway: FuzzedGateway,
  deafPort: number,
  numbered: (number: number) => FuzzCase,
  count: number,
  signal: AbortSignal,
): Promise<void> {
  await gateway.serves();
  // allows for database connections that are opened later
  const first = await gateway.settled();
  let held = { ...first, sockets: first.sockets + 8 };
  let startedCases = 0;
  let done = 0;
  let findings = 0;
  const startedAt = performance.now();
  const tell = () => {
    const perSecond = Math.round(done / ((performance.now() - startedAt) / 1_000));
    const heap = (held.heapBytes / 1e6).toFixed(1);
    console.error(`${done} cases, ${perSecond}/s, ${findings} findings, heap ${heap} MB`);
  };
  const telling = setInterval(tell, tellEveryMs);
  try {
    while (done < count && findings < mostFindings) {
      const until = Math.min(count, done + round);
      const next = () =>
        startedCases < until && !signal.aborted ? numbered(startedCases++) : undefined;
      const onCase = () => {
        done += 1;
      };
      const found = await fuzz(next, { gateway, deafPort, atOnce, onCase });
      signal.throwIfAborted();
      findings += found.length;
      for (const finding of found.slice(0, mostFindings)) {
        process.exitCode = 1;
        const { case: fuzzCase, ...what } = finding;
        console.log(`${fuzzCase.kind}: ${JSON.stringify(what)}\n--case '${quoted(fuzzCase)}'`);
      }
      // code compiled in the first round is no leak; after that, memory must not grow
      if (done <= round) held = await gateway.settled(held.sockets);
      else await expectNothingLeft(gateway, held, round);
    }
    tell();
  } finally {
    clearInterval(telling);
  }
}

/** Quotes a case for a shell. */
function quoted(fuzzCase: FuzzCase): string {
  return JSON.stringify(fuzzCase).replaceAll("'", '\\u0027');
}
