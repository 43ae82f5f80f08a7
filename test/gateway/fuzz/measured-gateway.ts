// Starts a gateway with short limits that reports its memory: started with --expose-gc and a
// channel, it answers each message with the heap size after a collection. Its log has only errors,
// on stderr; on stdout it prints where it listens, as `main.ts` does.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pino } from 'pino';
import { readConfiguration } from '../../../gateway/configuration.ts';
import { startGateway } from '../../../gateway/gateway.ts';

const shortMs = Number(process.env.SHORT_MS);
const gateway = await startGateway(
  { ...readConfiguration(process.env), idleMs: shortMs },
  {
    log: pino({ level: 'error' }, process.stderr),
    firstRequestMs: shortMs,
    longestLingerMs: shortMs,
    connectTimeoutMs: shortMs,
  },
);
process.on('message', async () => {
  for (let round = 0; round < 5; round += 1) {
    globalThis.gc?.();
    await nextTurn();
  }
  process.send?.(process.memoryUsage().heapUsed);
});
const { url, operationsUrl } = gateway;
console.log(JSON.stringify({ msg: 'taking CONNECTs', url, operationsUrl }));
