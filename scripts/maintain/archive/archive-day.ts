import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type postgres from 'postgres';
import { StackError } from '../../stack/stack-error.ts';
import { columns, copyEvents } from './copied-events.ts';
import { holdsArchive, noteArchived, readDay, sameTotals, type Totals } from './days.ts';
import { openParquet } from './parquet.ts';
import type { ArchiveStore } from './store.ts';

/** The result of archiving a day. */
export type DayOutcome =
  | ({ outcome: 'archived'; bytes: number; location: string } & Totals)
  | { outcome: 'unchanged' }
  /** Its rollups do not match its events: the number of rows. */
  | { outcome: 'kept'; drift: string };

/** The most CSV on disk at a time; by then, the rest of the day is in Parquet. */
const csvBytes = 64 * 1024 * 1024;

/**
 * Archives a day in the open transaction, which sees one snapshot and locks out other archive runs.
 * Before it publishes the file, it reads the file back and compares it with the database.
 * `tell` receives the current step.
 */
export async function archiveDay(
  sql: postgres.ISql,
  day: string,
  store: ArchiveStore,
  tell: (doing: string) => void,
): Promise<DayOutcome> {
  tell('reading');
  const state = await readDay(sql, day);
  if (state === null) return { outcome: 'unchanged' };
  if (state.drift !== '0') return { outcome: 'kept', drift: state.drift };
  // retention drops an empty day without an archive, and an empty day never replaces an archive
  if (state.events === '0') return { outcome: 'unchanged' };
  if (state.archived !== null && sameTotals(state, state.archived)) {
    await noteArchived(sql, day, state, state.archived.location);
    return { outcome: 'unchanged' };
  }

  const work = await store.makeWorkFolder();
  const removed = removeWhenStopped(work);
  try {
    const file = join(work, 'usage');
    const written = await writeDay(sql, day, work, file, (rows) => {
      tell(`${rows} of ${state.events} events`);
    });
    if (!sameTotals(written, state)) {
      throw new StackError(
        `The archive file for ${day} does not match the database.`,
        'It was removed. Run the command again; if the error persists, report it.',
      );
    }
    const { sha256, bytes } = await digest(file);
    const name = `day=${day}/usage.parquet`;
    if (!(await holdsArchive(sql))) {
      throw new StackError(
        `The database connection was lost while ${day} was being archived.`,
        'Run the command again.',
      );
    }
    tell(`publishing ${bytes} bytes`);
    await store.publish(file, name);
    const manifest = join(work, 'manifest');
    await writeFile(manifest, formatManifest({ day, file: name, ...written, bytes, sha256 }));
    await store.publish(manifest, `manifest/${day}.json`);
    const location = store.locate(name);
    await noteArchived(sql, day, written, location);
    const { events, bytesSent, bytesReceived } = written;
    return { outcome: 'archived', events, bytesSent, bytesReceived, bytes, location };
  } finally {
    await removed();
  }
}

/** Writes the day's events as one Parquet file, and returns the totals read back from it. */
async function writeDay(
  sql: postgres.ISql,
  day: string,
  work: string,
  file: string,
  onRows: (rows: number) => void,
): Promise<Totals> {
  const parquet = await openParquet(join(work, 'spilled'));
  try {
    const csv = join(work, 'csv');
    const parts: string[] = [];
    let rows = 0;
    const convert = async () => {
      const part = join(work, `part-${parts.length}`);
      rows += await parquet.convert(csv, part, columns);
      parts.push(part);
      onRows(rows);
    };
    await copyEvents(sql, day, { file: csv, fileBytes: csvBytes, onFull: convert });
    await parquet.merge(parts, file, 'api_key_id, occurred_at, event_id');
    return await parquet.readTotals(file);
  } finally {
    parquet.close();
  }
}

async function digest(file: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** One file per day, so that no two runs write the same one. Its numbers may exceed 2^53. */
function formatManifest(
  entry: Totals & { day: string; file: string; bytes: number; sha256: string },
): string {
  const { day, file, events, bytesSent, bytesReceived, bytes, sha256 } = entry;
  const [begin, end] = [
    JSON.stringify({ day, file }),
    JSON.stringify({ bytes, sha256, written_at: new Date() }),
  ];
  const totals = `"events":${events},"bytes_sent":${bytesSent},"bytes_received":${bytesReceived}`;
  return `${begin.slice(0, -1)},${totals},${end.slice(1)}\n`;
}

/** Removes the folder even if a signal stops this process; returns a function that removes it now. */
function removeWhenStopped(folder: string): () => Promise<void> {
  const remove = () => rm(folder, { recursive: true, force: true });
  const stop = (_: string, number: number) =>
    void remove().finally(() => process.exit(128 + number));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  return async () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
    await remove();
  };
}
