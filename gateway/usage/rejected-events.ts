import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from './spool-segments.ts';
import type { UsageEvent } from './usage-event.ts';

/** An event that the database refuses permanently, and why: its code, or the SQLSTATE. */
export interface RejectedEvent {
  event: UsageEvent;
  reason: string;
}

/** In the spool's folder. */
export const rejectedFile = 'rejected.ndjson';

/**
 * Appends to `rejected.ndjson` in the spool's folder, which `npm run gateway -- --resend-rejected`
 * sends again; resolves when the events are on disk. If a crash or that command interrupts it, the
 * events are written again, so an event may be there twice.
 */
export function keepRejected(directory: string, rejected: RejectedEvent[]): Promise<void> {
  return appendRejected(
    directory,
    rejected.map((each) => JSON.stringify(each)),
  );
}

/** The size of the file, in bytes; 0 if it does not exist. */
export async function rejectedBytes(directory: string): Promise<number> {
  return (await stat(join(directory, rejectedFile)).catch(() => null))?.size ?? 0;
}

/** Appends lines to the file. */
export async function appendRejected(directory: string, lines: string[]): Promise<void> {
  const path = join(directory, rejectedFile);
  // if the file was renamed during the write, the command may have read it without these lines
  for (let kept = false; !kept; ) {
    await using file = await open(path, 'a+', 0o600);
    const { size, ino } = await file.stat();
    if (size === 0) await syncFolder(directory);
    const last = size === 0 ? '\n' : (await file.read(Buffer.alloc(1), 0, 1, size - 1)).buffer;
    // a line that a crash cut short stays on its own line
    const begin = String(last) === '\n' ? '' : '\n';
    try {
      await file.appendFile(begin + lines.map((line) => `${line}\n`).join(''));
      await file.datasync();
    } catch (error) {
      await file.truncate(size).catch(() => {});
      throw error;
    }
    kept = (await stat(path).catch(() => null))?.ino === ino;
  }
}
