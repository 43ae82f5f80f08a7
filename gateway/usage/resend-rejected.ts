import { open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordUsage } from './record-usage.ts';
import { appendRejected, type RejectedEvent, rejectedFile } from './rejected-events.ts';
import { Resender, type Resending } from './resender.ts';
import { lockSpool } from './spool-lock.ts';
import { parseEvent } from './spool-record.ts';
import { syncFolder } from './spool-segments.ts';

const sending = /^rejected\.sending-\d+\.ndjson$/;

/**
 * Sends a gateway's rejected events again, from its spool's folder. The gateway may run meanwhile
 * and reject others. The file is renamed first, and removed once all its events are recorded or
 * rejected again: after a crash, some events are sent twice, but count once. Rejects with
 * `SpoolInUse` if another such command runs, and with file system errors.
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

/** Takes the current file; the gateway then starts a new one. */
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
      // an empty line follows one that a crash cut short
      await appendRejected(directory, [line]);
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
