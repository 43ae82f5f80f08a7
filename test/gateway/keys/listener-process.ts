import pg from 'pg';
import { pino } from 'pino';
import { createDatabaseClock } from '../../../gateway/database-clock.ts';
import { startChangeListener } from '../../../gateway/keys/change-listener.ts';
import { checkChannel } from '../../../gateway/readiness/notification-check.ts';

// Listens in its own process, which exits once nothing keeps it alive.
const hour = 3_600_000;
const { DATABASE_URL: databaseUrl = '', CHECK_URL: checkUrl, HEARTBEAT_MS = hour } = process.env;
const say = (word: string) => process.stdout.write(`${word}\n`);
const log = pino({ level: 'silent' });
const listener = startChangeListener({
  databaseUrl,
  // a new connection for each check, so that none keeps the process alive
  sendCheck: async (payload) => {
    const client = new pg.Client(checkUrl);
    await client.connect();
    await client.query('select pg_notify($1, $2)', [checkChannel, payload]);
    await client.end();
  },
  onChange: (keyId) => say(keyId),
  onListening: () => say('listening'),
  onLost: () => say('lost'),
  clock: createDatabaseClock({ log }),
  log,
  heartbeatMs: Number(HEARTBEAT_MS),
  timeoutMs: hour,
});
// stands for a gateway's own work
const work = setInterval(() => {}, hour);
process.once('SIGUSR2', async () => {
  clearInterval(work);
  await listener.stop();
  say('stopped');
});
say('started');
