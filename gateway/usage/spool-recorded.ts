import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';

/** The name of a recorded segment, with the time: a copied file loses its own times. */
const recorded = /^\d{12}\.ndjson\.recorded-(\d+)$/;

/** A segment that is kept after its events were recorded. */
export interface RecordedSegment {
  file: string;
  /** By the host's clock, in ms since 1970. */
  recordedAt: number;
}

/** Recorded segments in a folder, by name: the oldest first. */
export async function listRecorded(directory: string): Promise<RecordedSegment[]> {
  return (await readdir(directory)).sort().flatMap((name) => {
    const at = recorded.exec(name)?.[1];
    return at === undefined ? [] : [{ file: join(directory, name), recordedAt: Number(at) }];
  });
}

/**
 * Segments whose events are recorded, kept in case the database is restored to an earlier time.
 * They use only spare disk space: new events have priority.
 */
export class RecordedSegments {
  readonly #keepMs: number;
  readonly #now: () => number;
  readonly #log: Logger;
  /** The oldest first. */
  #kept: RecordedSegment[] = [];
  #short = false;

  /** `keepMs`: how long they are kept, 0 for not at all. `now`: in ms since 1970. */
  constructor({ keepMs, now, log }: { keepMs: number; now: () => number; log: Logger }) {
    this.#keepMs = keepMs;
    this.#now = now;
    this.#log = log;
  }

  /** Finds the segments of an earlier process. */
  async recover(directory: string): Promise<void> {
    this.#kept = await listRecorded(directory);
    await this.#expire();
  }

  /** Takes over a segment whose events have just been recorded. */
  async take(file: string): Promise<void> {
    if (this.#keepMs === 0) return rm(file, { force: true });
    const recordedAt = Math.floor(this.#now());
    const name = `${file}.recorded-${recordedAt}`;
    try {
      await rename(file, name);
      this.#kept.push({ file: name, recordedAt });
    } catch (error) {
      // the file is gone, or the disk cannot rename it: a recorded segment must not be sent forever
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') await rm(file, { force: true });
    }
    await this.#expire();
  }

  /** Removes the oldest; false if none is left. */
  async dropOldest(): Promise<boolean> {
    const oldest = this.#kept.shift();
    if (!oldest) return false;
    await forget(oldest);
    if (!this.#short) {
      this.#log.warn(
        'the disk of the spool has no room for recorded events: the oldest are removed',
      );
    }
    this.#short = true;
    return true;
  }

  async #expire(): Promise<void> {
    // also those of this millisecond if none are kept
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

/** A segment that cannot be removed stays: the gateway works regardless. */
async function forget({ file }: RecordedSegment): Promise<void> {
  await rm(file, { force: true }).catch(() => {});
}
