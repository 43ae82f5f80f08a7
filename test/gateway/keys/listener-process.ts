import { pino } from 'pino';
import { createDatabaseClock } from '../../../gateway/database-clock.ts';
import { startChangeListener } from '../../../gateway/keys/change-listener.ts';

// Listens in a process of its own, which ends when nothing is left to wait for: no test may keep it.
const hour = 3_600_000;
const { DATABASE_URL: databaseUrl = '', HEARTBEAT_MS = hour } = process.env;
const say = (word: string) => process.stdout.write(`${word}\n`);
const log = pino({ level: 'silent' });
const listener = startChangeListener({
  databaseUrl,
  onChange: (keyId) => say(keyId),
  onListening: () => say('listening'),
  onLost: () => say('lost'),
  clock: createDatabaseClock({ log }),
  log,
  heartbeatMs: Number(HEARTBEAT_MS),
  timeoutMs: hour,
});
// in place of a gateway's own work
const work = setInterval(() => {}, hour);
process.once('SIGUSR2', async () => {
  clearInterval(work);
  await listener.stop();
  say('stopped');
});
say('started');
