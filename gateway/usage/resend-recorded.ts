import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordUsage } from './record-usage.ts';
import { Resender, type Resending } from './resender.ts';
import { lockSpool } from './spool-lock.ts';
import { decodeRecords } from './spool-record.ts';

/** Damaged segments were recorded too, as far as they are whole. */
const segment = /^\d{12}\.ndjson\.(recorded|damaged)$/;

/**
 * Sends the events that a gateway recorded since a moment again, also while it runs: the database was
 * restored to that moment. The files stay for as long as the gateway keeps them: what is sent twice counts
 * once. Rejects with `SpoolInUse` beside another one, and with the errors of the file system.
 */
export async function resendRecorded(
  directory: string,
  { since, record }: { since: Date; record: RecordUsage },
): Promise<Resending> {
  const lock = lockSpool(directory, 'resend-lock');
  try {
    const files = (await readdir(directory)).filter((name) => segment.test(name)).sort();
    const resender = new Resender(directory, record);
    let failure: Error | null = null;
    try {
      for (const file of files) await send(join(directory, file), since, resender);
      await resender.sendAll();
    } catch (error) {
      failure = error as Error;
    }
    return { ...resender.outcome(), failure };
  } finally {
    lock.release();
  }
}

async function send(path: string, since: Date, resender: Resender): Promise<void> {
  try {
    if ((await stat(path)).mtimeMs < since.valueOf()) return;
    const { events, damagedLines } = await decodeRecords(await readFile(path));
    resender.unreadable += damagedLines;
    for (const event of events) await resender.add({ event, reason: 'recorded before' });
  } catch (error) {
    // the gateway has kept it for long enough meanwhile
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
