import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import pg from 'pg';
import { pino } from 'pino';
import { createDatabaseClock } from '../../../gateway/database-clock.ts';
import { startChangeListener } from '../../../gateway/keys/change-listener.ts';
import { sendCheckWith } from '../../../gateway/readiness/notification-check.ts';

// Prints how many bytes of heap 2,000 heartbeats leave behind.
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heapUsed = () => {
  collect();
  return process.memoryUsage().heapUsed;
};
const reached = new Map<number, () => void>();
let beats = 0;
const { query } = pg.Client.prototype;
pg.Client.prototype.query = function count(this: pg.Client, ...values: unknown[]) {
  beats += 1;
  reached.get(beats)?.();
  return Reflect.apply(query, this, values);
} as typeof query;
const beat = (number: number) => new Promise<void>((resolve) => reached.set(number, resolve));

const [warm, done] = [beat(1_000), beat(3_000)];
const work = setInterval(() => {}, 1_000);
const log = pino({ level: 'silent' });
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 1 });
const listener = startChangeListener({
  databaseUrl: process.env.DATABASE_URL ?? '',
  sendCheck: sendCheckWith(pool),
  onChange() {},
  onListening() {},
  onLost() {},
  clock: createDatabaseClock({ log }),
  log,
  heartbeatMs: 0,
});
await warm;
const before = heapUsed();
await done;
process.stdout.write(`${heapUsed() - before}\n`);
clearInterval(work);
await listener.stop();
await pool.end();
