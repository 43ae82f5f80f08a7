import type { Measuring } from './measuring.ts';

const batch = 10_000;

/**
 * Records usage events of `keys` over the last 60 days, in batches as a gateway sends them, and
 * reports how long that took.
 */
export async function recordUsageEvents(
  { sql, size, report, signal, tell }: Measuring,
  keys: string[],
): Promise<void> {
  const begun = performance.now();
  let told = begun;
  for (let recorded = 0; recorded < size.events; recorded += batch) {
    signal.throwIfAborted();
    await sql`
      select gateway.record_usage(jsonb_agg(jsonb_build_object(
        'eventId', gen_random_uuid(),
        'apiKeyId', (${keys}::uuid[])[1 + n % ${keys.length}::integer],
        'occurredAt', now() - random() * interval '60 days',
        'targetHost', 'www.example.com',
        'method', 'CONNECT',
        'statusCode', 200,
        'bytesSent', 1000 + n,
        'bytesReceived', 50000 + n,
        'durationMs', 250,
        'servedByNodeId', 'bench'
      )))
      from generate_series(1, ${Math.min(batch, size.events - recorded)}::integer) as n`;
    if (performance.now() - told > 2000) {
      told = performance.now();
      tell(`${recorded + batch} of ${size.events} usage events recorded`);
    }
  }
  report.load = { events: size.events, milliseconds: performance.now() - begun };
  // what autovacuum would do in the middle of a measurement
  for (const table of ['events', 'hourly', 'monthly']) {
    await sql.unsafe(`vacuum analyze private.proxy_usage_${table}`);
  }
}
