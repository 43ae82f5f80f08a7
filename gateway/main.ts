import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { type GatewayConfiguration, readConfiguration } from './configuration.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { readTime } from './read-time.ts';
import { resend } from './resend.ts';
import { explainStartFailure } from './start-failure.ts';

let configuration: GatewayConfiguration | undefined;
let gateway: Gateway | undefined;
// without a listener it would end the process
process.on('SIGHUP', () => void gateway?.reload());
try {
  const { values } = parseArgs({
    options: { 'resend-rejected': { type: 'boolean' }, 'resend-kept': { type: 'string' } },
  });
  const since = values['resend-kept'] === undefined ? undefined : readTime(values['resend-kept']);
  configuration = readConfiguration(process.env);
  const log = pino({ level: configuration.logLevel, base: { nodeId: configuration.nodeId } });
  if (values['resend-rejected']) process.exit(await resend(configuration, { log, console }));
  if (since) process.exit(await resend(configuration, { log, console, since }));
  const asked = Promise.withResolvers<string>();
  const hurry = new AbortController();
  let signals = 0;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      signals += 1;
      if (signals > 1) hurry.abort();
      asked.resolve(signal);
    });
  }
  gateway = await startGateway(configuration, { log, environment: process.env });
  log.info({ signal: await asked.promise }, 'stopping');
  await gateway.stop(hurry.signal);
  log.info('stopped');
  process.exit(0);
} catch (error) {
  console.error(explainStartFailure(error, configuration) ?? error);
  process.exit(1);
}
