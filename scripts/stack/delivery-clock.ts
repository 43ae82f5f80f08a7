import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { databaseUrl } from './postgres.ts';

/** The polling interval, in ms. */
const everyMs = 1_000;
const hourMs = 3_600_000;

/**
 * Replaces pg_cron and pg_net of the platform: calls the function `deliver` when deliveries are due, and raises
 * each hour's alerts. It also allows webhooks to this machine, as the stack is private.
 */
export function startDeliveryClock(options: {
  databasePort: number;
  /** The project's URL. */
  url: string;
  secretKey: string;
}): { stop(): Promise<void> } {
  const { databasePort, url, secretKey } = options;
  const sql = postgres(databaseUrl('postgres', databasePort), { max: 1, onnotice: () => {} });
  const stopping = new AbortController();
  let nextHour = Date.now() + hourMs;

  const tick = async () => {
    const [row] = await sql`select proxy_private.count_due_deliveries(1) as due`;
    if (row?.due > 0) {
      await fetch(`${url}/functions/v1/deliver`, {
        method: 'POST',
        headers: { apikey: secretKey },
        signal: stopping.signal,
      }).then((response) => response.body?.cancel());
    }
    if (Date.now() >= nextHour) {
      nextHour = Date.now() + hourMs;
      await sql`select from proxy_private.maintain_usage(array['alerts'])`;
    }
  };
  const run = async () => {
    await sql`update proxy_private.delivery_settings set allow_local_webhooks = true
      where not allow_local_webhooks`.catch(() => {});
    while (!stopping.signal.aborted) {
      // the database or the function may be down, as in tests; the next tick retries
      await tick().catch(() => {});
      await sleep(everyMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  };
  const running = run();
  return {
    async stop() {
      stopping.abort();
      await sql.end({ timeout: 1 });
      await running;
    },
  };
}
