import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordUsage } from './record-usage.ts';
import { Resender, type Resending } from './resender.ts';
import { lockSpool } from './spool-lock.ts';
import { decodeRecords } from './spool-record.ts';
import { listRecorded, type RecordedSegment } from './spool-recorded.ts';

/** Recorded too, as far as they are whole. */
const damaged = /^\d{12}\.ndjson\.damaged$/;

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
    const files = [...(await listRecorded(directory)), ...(await listDamaged(directory))].filter(
      ({ recordedAt }) => recordedAt >= since.valueOf(),
    );
    const resender = new Resender(directory, record);
    let failure: Error | null = null;
    try {
      for (const { file } of files) await send(file, resender);
      await resender.sendAll();
    } catch (error) {
      failure = error as Error;
    }
    return { ...resender.outcome(), failure };
  } finally {
    lock.release();
  }
}

/** They were renamed when they had been recorded. */
async function listDamaged(directory: string): Promise<RecordedSegment[]> {
  const names = (await readdir(directory)).filter((name) => damaged.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const file = join(directory, name);
      return { file, recordedAt: (await stat(file)).ctimeMs };
    }),
  );
}

async function send(path: string, resender: Resender): Promise<void> {
  const content = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    // the gateway has kept it for long enough meanwhile
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (content === null) return;
  const { events, damagedLines } = await decodeRecords(content);
  resender.unreadable += damagedLines;
  for (const event of events) await resender.add({ event, reason: 'recorded before' });
}
