import { parseArgs } from 'node:util';
import { describeStack } from './stack/describe-stack.ts';
import { startStack } from './stack/stack.ts';
import { StackError } from './stack/stack-error.ts';

const usage = `npm start                    the local stack, its data kept between runs
npm start -- --ephemeral     free ports, throw-away data, one line of JSON when ready`;

try {
  const { values } = parseArgs({
    options: { ephemeral: { type: 'boolean', default: false }, help: { type: 'boolean' } },
  });
  if (values.help) console.log(usage);
  else await run(values.ephemeral);
} catch (error) {
  fail(error);
}

async function run(ephemeral: boolean): Promise<void> {
  const begun = performance.now();
  const seconds = () => `${((performance.now() - begun) / 1000).toFixed(1)} s`;
  let asked = false;
  let stopStack = async () => {};
  const end = () => {
    // npm and the terminal may both pass the signal on: once is enough
    if (asked) return;
    asked = true;
    void stopStack().then(() => process.exit(0));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  // a parent that started us with a channel and is gone can no longer stop us
  process.on('disconnect', end);

  const starting = startStack({
    ephemeral,
    report: (step) => console.error(`${seconds().padStart(7)}  ${step}`),
  });
  stopStack = async () => {
    const stack = await starting.catch(() => null);
    await stack?.stop();
  };
  const stack = await starting;
  if (asked) return;
  if (ephemeral) {
    const { url, restUrl, dbUrl, gatewayDbUrl, publishableKey, secretKey } = stack;
    const ready = {
      url,
      restUrl,
      dbUrl,
      gatewayDbUrl,
      gatewayUrl: null,
      publishableKey,
      secretKey,
    };
    console.log(JSON.stringify(ready));
  } else {
    console.error(`${seconds().padStart(7)}  ready; Ctrl-C stops it, the data stay in place\n`);
    console.log(await describeStack(stack));
  }
  const part = await stack.failed;
  await stack.stop();
  throw new StackError(`${part} ended unexpectedly.`, `Its log is in ${stack.logs}.`);
}

function fail(error: unknown): never {
  if (error instanceof StackError) console.error(`\n${error.message}\n${error.remedy}`);
  else if (error instanceof TypeError && 'code' in error)
    console.error(`${error.message}\n${usage}`);
  else console.error(error);
  process.exit(1);
}
