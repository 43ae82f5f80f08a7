// Recovers a spool and records all of it, in a process with limited memory. Prints the numbers of
// recovered and recorded events, and the largest batch.
import { pino } from 'pino';
import { openSpool } from '../../../gateway/usage/spool.ts';
import { createUsageRecorder } from '../../../gateway/usage/usage-recorder.ts';

const [directory = ''] = process.argv.slice(2);
const log = pino({ level: 'silent' });
let recovered = 0;
let recorded = 0;
let most = 0;

const spool = await openSpool({
  directory,
  log,
  onRecovered() {
    recovered += 1;
  },
});
const recorder = createUsageRecorder({
  spool,
  flushMs: 60_000,
  batchSize: 1_000,
  log,
  async record(events) {
    recorded += events.length;
    most = Math.max(most, events.length);
    return { recorded: events.length, repeated: 0, rejected: [] };
  },
});
const complete = await recorder.flush();
await spool.close();
console.log(JSON.stringify({ complete, recovered, recorded, most }));
