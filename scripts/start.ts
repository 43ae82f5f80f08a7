import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { describeStack } from './stack/describe-stack.ts';
import type { Stack } from './stack/stack.ts';
import { StackError } from './stack/stack-error.ts';

const usage = `npm start                    starts the local stack; its data are kept between runs
npm start -- --ephemeral     uses free ports and temporary data, and prints one line of JSON when ready`;

/** The stack was asked to stop: the only successful exit. */
class StopAsked extends Error {}

try {
  const { values } = parseArgs({
    options: { ephemeral: { type: 'boolean', default: false }, help: { type: 'boolean' } },
  });
  if (values.help) console.log(usage);
  else await run(values.ephemeral);
} catch (error) {
  if (error instanceof StopAsked) process.exit(0);
  console.error(explain(error));
  process.exit(1);
}

/** Runs the stack until it is asked to stop or a part fails; either way, leaves nothing running. */
async function run(ephemeral: boolean): Promise<never> {
  const stop = new AbortController();
  const { signal } = stop;
  // npm and the terminal may both forward a signal: a second one has no effect
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => stop.abort(new StopAsked()));
  }
  // a parent process that started us with a channel and has exited can no longer stop us
  process.on('disconnect', () => stop.abort(new StopAsked()));
  process.on('uncaughtException', (error) => stop.abort(error));

  const startedAt = performance.now();
  const report = (step: string) => {
    const seconds = `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
    console.error(`${seconds.padStart(7)}  ${step}`);
  };
  // imported here so that `explain` can report missing packages
  const { startStack } = await import('./stack/stack.ts');
  const stack = await startStack({ ephemeral, signal, report });
  try {
    if (ephemeral) {
      console.log(readyLine(stack));
    } else {
      report('ready; Ctrl-C stops the stack and keeps its data\n');
      console.log(await describeStack(stack));
    }
    signal.throwIfAborted();
    const part = await Promise.race([stack.failed, once(signal, 'abort').then(() => null)]);
    signal.throwIfAborted();
    // an ephemeral stack's logs are deleted with it
    const words = ephemeral ? `\n${part?.lastWords()}` : '';
    throw new StackError(
      `${part?.name} exited unexpectedly.${words}`,
      ephemeral
        ? 'Start again.'
        : `See its log: ${part?.logFile}. Then start again: the data are kept.`,
    );
  } finally {
    await stack.stop();
  }
}

function readyLine(stack: Stack): string {
  const { failed, stop, logs, keysFile, gatewayMetricsUrl, ...shown } = stack;
  return JSON.stringify(shown);
}

function explain(error: unknown): unknown {
  if (error instanceof StackError) return `\n${error.message}\n${error.remedy}`;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code.startsWith('ERR_PARSE_ARGS')) return `${(error as Error).message}\n${usage}`;
  if (code === 'ERR_MODULE_NOT_FOUND') {
    return `\n${(error as Error).message}\nRun \`npm ci\`, then start again.`;
  }
  return error;
}
