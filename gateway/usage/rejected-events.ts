import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from './spool-segments.ts';
import type { UsageEvent } from './usage-event.ts';

/** An event that the database refuses for good, and why: its code, or the SQLSTATE. */
export interface RejectedEvent {
  event: UsageEvent;
  reason: string;
}

/**
 * Appends to `rejected.ndjson` in the spool's folder, for a person to look at; on disk when it
 * resolves. What a crash interrupts is written again, so an event may be there twice.
 */
export async function keepRejected(directory: string, rejected: RejectedEvent[]): Promise<void> {
  await using file = await open(join(directory, 'rejected.ndjson'), 'a+', 0o600);
  const { size } = await file.stat();
  if (size === 0) await syncFolder(directory);
  const last = size === 0 ? '\n' : (await file.read(Buffer.alloc(1), 0, 1, size - 1)).buffer;
  // what a crash cut short gets a line of its own
  const begin = String(last) === '\n' ? '' : '\n';
  try {
    await file.appendFile(begin + rejected.map((each) => `${JSON.stringify(each)}\n`).join(''));
    await file.datasync();
  } catch (error) {
    await file.truncate(size).catch(() => {});
    throw error;
  }
}
