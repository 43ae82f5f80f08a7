import { pino } from 'pino';
import { ConfigurationError, readConfiguration } from './configuration.ts';
import { startGateway } from './gateway.ts';

try {
  const configuration = readConfiguration(process.env);
  const log = pino({ level: configuration.logLevel, base: { nodeId: configuration.nodeId } });
  const asked = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => asked.resolve(signal));
  const gateway = await startGateway(configuration, { log });
  log.info({ signal: await asked.promise }, 'stopping');
  await gateway.stop();
  log.info('stopped');
  process.exit(0);
} catch (error) {
  const foreseen = error instanceof ConfigurationError;
  console.error(foreseen ? `${error.message}\n\nThe README says what each is for.` : error);
  process.exit(1);
}
