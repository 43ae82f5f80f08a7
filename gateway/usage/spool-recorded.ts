import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';

/** How a segment is named whose events are recorded, and when that was: a copy has no times. */
const recorded = /^\d{12}\.ndjson\.recorded-(\d+)$/;

/** A segment that is kept after its events were recorded. */
export interface RecordedSegment {
  file: string;
  /** By the host's clock, in ms since 1970. */
  recordedAt: number;
}

/** Those in a folder, in the order of their names: the oldest first. */
export async function listRecorded(directory: string): Promise<RecordedSegment[]> {
  return (await readdir(directory)).sort().flatMap((name) => {
    const at = recorded.exec(name)?.[1];
    return at === undefined ? [] : [{ file: join(directory, name), recordedAt: Number(at) }];
  });
}

/**
 * Segments whose events are recorded, for a time in which the database may be restored to an earlier
 * moment. They have what room is left: new events go first.
 */
export class RecordedSegments {
  readonly #keepMs: number;
  readonly #now: () => number;
  readonly #log: Logger;
  /** The oldest first. */
  #kept: RecordedSegment[] = [];
  #short = false;

  /** `keepMs`: how long, 0 for not at all. `now`: in ms since 1970. */
  constructor({ keepMs, now, log }: { keepMs: number; now: () => number; log: Logger }) {
    this.#keepMs = keepMs;
    this.#now = now;
    this.#log = log;
  }

  /** Finds those of an earlier process. */
  async recover(directory: string): Promise<void> {
    this.#kept = await listRecorded(directory);
    await this.#expire();
  }

  /** Takes a segment whose events are recorded now. */
  async take(file: string): Promise<void> {
    if (this.#keepMs === 0) return rm(file, { force: true });
    const recordedAt = Math.floor(this.#now());
    const name = `${file}.recorded-${recordedAt}`;
    try {
      await rename(file, name);
      this.#kept.push({ file: name, recordedAt });
    } catch (error) {
      // somebody took it, or the disk writes no names: what is recorded must not be sent for ever
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') await rm(file, { force: true });
    }
    await this.#expire();
  }

  /** Removes the oldest; false where none is left. */
  async dropOldest(): Promise<boolean> {
    const oldest = this.#kept.shift();
    if (!oldest) return false;
    await forget(oldest);
    if (!this.#short) {
      this.#log.warn('the disk of the spool has no room for recorded events: the oldest go');
    }
    this.#short = true;
    return true;
  }

  async #expire(): Promise<void> {
    // also those of this very millisecond where none is to be kept
    const since = this.#keepMs === 0 ? Number.POSITIVE_INFINITY : this.#now() - this.#keepMs;
    let [oldest] = this.#kept;
    while (oldest && oldest.recordedAt < since) {
      await forget(oldest);
      this.#kept.shift();
      this.#short = false;
      [oldest] = this.#kept;
    }
  }
}

/** One that the disk does not let go of stays: the gateway does its work all the same. */
async function forget({ file }: RecordedSegment): Promise<void> {
  await rm(file, { force: true }).catch(() => {});
}
