// Holds a spool in a process that a test may kill: appends events of a key with several writers,
// and prints what the spool has acknowledged. A line on its input seals the segment. With a
// database, it records the first segment and kills itself.
import { createInterface } from 'node:readline';
import pg from 'pg';
import { pino } from 'pino';
import { recordUsageWith } from '../../../gateway/usage/record-usage.ts';
import { openSpool } from '../../../gateway/usage/spool.ts';
import { SpoolInUse } from '../../../gateway/usage/spool-lock.ts';
import { createUsageRecorder } from '../../../gateway/usage/usage-recorder.ts';
import { newEvent } from './spool-events.ts';

const [directory = '', apiKeyId = '', hands = '1', databaseUrl] = process.argv.slice(2);
const log = pino({ level: 'silent' });
const say = (word: string) => process.stdout.write(`${word}\n`);

const spool = await openSpool({ directory, log, retryMs: 5 }).catch((error: unknown) => {
  if (!(error instanceof SpoolInUse)) throw error;
  say('in use');
  process.exit(1);
});
say('open');
if (databaseUrl !== undefined) {
  const record = recordUsageWith(new pg.Pool({ connectionString: databaseUrl, max: 1 }));
  createUsageRecorder({
    spool,
    flushMs: 60_000,
    log,
    async record(events, signal) {
      await record(events, signal);
      process.kill(process.pid, 'SIGKILL');
      return new Promise(() => {});
    },
  });
}
let accepting = true;
setInterval(() => {
  if (spool.accepting === accepting) return;
  accepting = spool.accepting;
  say(accepting ? 'accepting' : 'refusing');
}, 1);
createInterface(process.stdin)
  .on('line', () => spool.seal())
  // the test has ended
  .on('close', () => process.exit());

for (let hand = 0; hand < Number(hands); hand += 1) void appendForEver();

async function appendForEver(): Promise<void> {
  for (;;) {
    const event = newEvent({ apiKeyId });
    await spool.append(event);
    say(event.eventId);
  }
}
