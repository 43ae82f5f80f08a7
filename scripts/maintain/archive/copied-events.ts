import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type postgres from 'postgres';

/** The columns of an archived event, and their types in DuckDB. */
export const columns = {
  api_key_id: 'UUID',
  key_id: 'VARCHAR',
  user_id: 'UUID',
  event_id: 'UUID',
  occurred_at: 'TIMESTAMPTZ',
  bytes_sent: 'BIGINT',
  bytes_received: 'BIGINT',
  duration_ms: 'INTEGER',
  count: 'INTEGER',
  status_code: 'SMALLINT',
  target_host: 'VARCHAR',
  target_site: 'VARCHAR',
  method: 'VARCHAR',
  served_by_node_id: 'VARCHAR',
  code: 'VARCHAR',
};

/** What is not the event's: never a secret, a hash or a label. */
const joined: Record<string, string> = {
  key_id: 'k.key_id',
  target_site: 'right(e.target_host, e.site_length)',
  // of an account that is gone only its usage still says whose it was
  user_id: 'coalesce(k.user_id, m.user_id)',
};

const copyOf = (day: string) => `
  copy (
    select ${Object.keys(columns).map((name) => joined[name] ?? `e.${name}`)}
    from proxy_private.proxy_usage_events as e
    join proxy_private.proxy_keys as k on k.id = e.api_key_id
    left join proxy_private.proxy_usage_monthly as m
      on m.api_key_id = e.api_key_id and m.month = date_trunc('month', date '${day}')
    where e.occurred_at >= timestamptz '${day} 00:00+00'
      and e.occurred_at < timestamptz '${day} 00:00+00' + interval '24 hours'
  ) to stdout (format csv)`;

/** Bytes that are handed to the file at once. */
const writeBytes = 1024 * 1024;

/**
 * Copies a day's events, in no order, into `file` as CSV: `onFull` is awaited whenever it holds
 * `fileBytes`, and at the end, then the file begins again. So no more is on disk or in memory at once
 * than one such file, whatever the day has.
 */
export async function copyEvents(
  sql: postgres.ISql,
  day: string,
  options: { file: string; fileBytes: number; onFull: () => Promise<void> },
): Promise<void> {
  const { file, fileBytes, onFull } = options;
  const copy = sql.unsafe(copyOf(day));
  const stream: Readable = await copy.readable();
  try {
    // at the end, wherever that is after it was emptied
    await using output = await open(file, 'a');
    let waiting: Buffer[] = [];
    let [waitingBytes, writtenBytes] = [0, 0];
    const write = async () => {
      await output.writeFile(Buffer.concat(waiting));
      writtenBytes += waitingBytes;
      waiting = [];
      waitingBytes = 0;
    };
    const end = async () => {
      await write();
      if (writtenBytes === 0) return;
      await onFull();
      await output.truncate();
      writtenBytes = 0;
    };
    // whole rows, as Postgres sends them
    for await (const rows of stream.iterator({ destroyOnReturn: false })) {
      waiting.push(rows);
      waitingBytes += rows.length;
      if (writtenBytes + waitingBytes >= fileBytes) await end();
      else if (waitingBytes >= writeBytes) await write();
    }
    await end();
  } catch (error) {
    // the connection takes no other statement until it has read the rest
    copy.cancel();
    stream.resume();
    await finished(stream).catch(() => {});
    throw error;
  }
}
