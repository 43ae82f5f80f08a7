import { open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordUsage } from './record-usage.ts';
import { putAside, type RejectedEvent, rejectedFile } from './rejected-events.ts';
import { Resender, type Resending } from './resender.ts';
import { lockSpool } from './spool-lock.ts';
import { parseEvent } from './spool-record.ts';
import { syncFolder } from './spool-segments.ts';

const sending = /^rejected\.sending-\d+\.ndjson$/;

/**
 * Sends the events that a gateway has put aside in its spool's folder again, also while it runs and puts
 * others aside. Its file is renamed first, and removed when all of it is recorded or put aside again: what
 * a crash interrupts is sent twice, which counts once. Rejects with `SpoolInUse` beside another one, and
 * with the errors of the file system.
 */
export async function resendRejected(directory: string, record: RecordUsage): Promise<Resending> {
  const lock = lockSpool(directory, 'resend-lock');
  try {
    await takeRejected(directory);
    const files = (await readdir(directory)).filter((name) => sending.test(name)).sort();
    const resender = new Resender(directory, record);
    let failure: Error | null = null;
    try {
      for (const file of files) await send(directory, file, resender);
    } catch (error) {
      failure = error as Error;
    }
    return { ...resender.outcome(), failure };
  } finally {
    lock.release();
  }
}

/** Takes what there is, which a gateway then begins a new file for. */
async function takeRejected(directory: string): Promise<void> {
  try {
    const taken = `rejected.sending-${String(Date.now()).padStart(16, '0')}.ndjson`;
    await rename(join(directory, rejectedFile), join(directory, taken));
    await syncFolder(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Sends a file's events, and removes it. */
async function send(directory: string, name: string, resender: Resender): Promise<void> {
  const path = join(directory, name);
  await using file = await open(path);
  for await (const line of file.readLines()) {
    const read = readRejected(line);
    if (read !== null) {
      await resender.add(read);
    } else if (line !== '') {
      // an empty one parts what a crash cut short from what follows it
      await putAside(directory, [line]);
      resender.unreadable += 1;
    }
  }
  await resender.sendAll();
  await rm(path);
  await syncFolder(directory);
}

function readRejected(line: string): RejectedEvent | null {
  try {
    const { event, reason } = JSON.parse(line) as { event: unknown; reason: unknown };
    const parsed = parseEvent(event);
    return parsed && typeof reason === 'string' ? { event: parsed, reason } : null;
  } catch {
    return null;
  }
}
