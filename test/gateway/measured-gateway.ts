// A gateway in a process of its own, with short limits, that says how much it holds: started with
// --expose-gc and a channel, it answers each message with the bytes of its heap after a collection.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pino } from 'pino';
import { readConfiguration } from '../../gateway/configuration.ts';
import { startGateway } from '../../gateway/gateway.ts';

const gateway = await startGateway(readConfiguration(process.env), {
  log: pino({ level: 'silent' }),
  firstRequestMs: 400,
  connectTimeoutMs: 400,
});
process.on('message', async () => {
  for (let round = 0; round < 5; round += 1) {
    globalThis.gc?.();
    await nextTurn();
  }
  process.send?.({ heapBytes: process.memoryUsage().heapUsed });
});
process.send?.({ url: gateway.url, operationsUrl: gateway.operationsUrl });
