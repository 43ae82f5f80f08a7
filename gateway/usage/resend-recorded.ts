import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordUsage } from './record-usage.ts';
import { Resender, type Resending } from './resender.ts';
import { lockSpool } from './spool-lock.ts';
import { decodeRecords } from './spool-record.ts';
import { listRecorded, type RecordedSegment } from './spool-recorded.ts';

/** Segments with damage; their whole records were recorded. */
const damaged = /^\d{12}\.ndjson\.damaged$/;

/**
 * Sends the events again that a gateway has recorded since a given time, after the database was
 * restored to that time. The gateway may run meanwhile. The files stay as long as the gateway keeps
 * them: an event that is sent twice counts once. Rejects with `SpoolInUse` if another such command
 * runs, and with file system errors.
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

/** Their change time is when they were recorded, as they were renamed then. */
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
    // the gateway has removed it meanwhile, as it was old enough
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (content === null) return;
  const { events, damagedLines } = await decodeRecords(content);
  resender.unreadable += damagedLines;
  for (const event of events) await resender.add({ event, reason: 'recorded before' });
}
