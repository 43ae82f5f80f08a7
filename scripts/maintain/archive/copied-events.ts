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

/** Columns that come from other tables. Never a secret, a hash or a label. */
const joined: Record<string, string> = {
  key_id: 'k.key_id',
  target_site: 'right(e.target_host, e.site_length)',
  // after an account is removed, only its usage still has its id
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

/** The bytes per write to the file. */
const writeBytes = 1024 * 1024;

/**
 * Copies a day's events, unordered, into `file` as CSV. Whenever the file reaches `fileBytes`, and at
 * the end, awaits `onFull` and empties the file. So disk and memory hold at most one such file,
 * however many events the day has.
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
    // in append mode, so that writing continues at the start after the file is emptied
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
    // the connection accepts no other statement until the rest is read
    copy.cancel();
    stream.resume();
    await finished(stream).catch(() => {});
    throw error;
  }
}
