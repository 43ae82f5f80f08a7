import { mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { decodeRecords } from './spool-record.ts';
import type { RecordedSegments } from './spool-recorded.ts';
import type { UsageEvent } from './usage-event.ts';

/** A file of records that is no longer appended to. */
export interface Segment {
  readonly sequence: number;
  readonly records: number;
  readonly bytes: number;
  /** When its first record was appended, in ms since 1970. */
  readonly oldestAppendedAt: number;
}

/** The path of the segment with a sequence number; names sort like the numbers. */
export function segmentFile(directory: string, sequence: number): string {
  return join(directory, `${String(sequence).padStart(12, '0')}.ndjson`);
}

/** Creates a folder that only its owner may enter, and whose name survives a power failure. */
export async function makeSpoolFolder(directory: string): Promise<void> {
  const topmost = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (topmost === undefined) return;
  for (let made = resolve(directory); ; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === resolve(topmost)) return;
  }
}

/** Makes the names in a folder survive a power failure. */
export async function syncFolder(directory: string): Promise<void> {
  await using folder = await open(directory, 'r');
  await folder.sync();
}

/** The segments on disk: recovered after a crash, read, and removed. */
export class SpoolSegments {
  readonly #directory: string;
  readonly #log: Logger;
  /** Segments with damage: kept for an operator once their good records are recorded. */
  readonly #damaged = new Set<number>();
  readonly #recorded: RecordedSegments;

  constructor(directory: string, log: Logger, recorded: RecordedSegments) {
    this.#directory = directory;
    this.#log = log;
    this.#recorded = recorded;
  }

  /**
   * The segments that an earlier process left, oldest first, and the last sequence number used.
   * `onRecovered` is called with each event; one segment is in memory at a time. Only the newest
   * segment can have been cut short by a crash, as each is complete on disk before the next one
   * starts: its torn tail is cut off. Any other invalid line is damage.
   */
  async recover(
    onRecovered: (event: UsageEvent) => void,
  ): Promise<{ segments: Segment[]; lastSequence: number }> {
    const files = (await readdir(this.#directory))
      .map((name) => /^(\d{12})\.ndjson(\.damaged|\.recorded-\d+)?$/.exec(name))
      .filter((match) => match !== null)
      .map(([, digits, ended]) => ({ sequence: Number(digits), live: ended === undefined }))
      .sort((a, b) => a.sequence - b.sequence);
    const lastSequence = files.at(-1)?.sequence ?? 0;
    const segments: Segment[] = [];
    for (const { sequence, live } of files) {
      if (!live) continue;
      const segment = await this.#recoverOne(sequence, sequence === lastSequence, onRecovered);
      if (segment === null) continue;
      if (segment.records > 0) segments.push(segment);
      else await this.remove(segment);
    }
    return { segments, lastSequence };
  }

  /** A segment's events. Damaged records are reported and skipped. */
  async read(segment: Segment): Promise<UsageEvent[]> {
    const { sequence, bytes, records } = segment;
    const file = segmentFile(this.#directory, sequence);
    const content = await readFile(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (content === null) {
      this.#log.error(
        { file, records },
        'a segment of the spool is missing, and its events are lost',
      );
      return [];
    }
    // a failed write may have left bytes after its end
    const { events, wholeBytes, damagedLines } = await decodeRecords(content.subarray(0, bytes));
    if (damagedLines > 0 || wholeBytes < bytes) this.#reportDamage(file, sequence, damagedLines);
    return events;
  }

  /** Removes a recorded segment, or keeps it for `keepMs`; a damaged one is renamed `.damaged`. */
  async remove({ sequence }: Segment): Promise<void> {
    const file = segmentFile(this.#directory, sequence);
    if (this.#damaged.has(sequence)) await rename(file, `${file}.damaged`);
    else await this.#recorded.take(file);
    this.#damaged.delete(sequence);
  }

  async #recoverOne(
    sequence: number,
    newest: boolean,
    onRecovered: (event: UsageEvent) => void,
  ): Promise<Segment | null> {
    const file = segmentFile(this.#directory, sequence);
    const content = await readFile(file).catch((error: NodeJS.ErrnoException) => {
      this.#log.error({ file, code: error.code }, 'a segment of the spool cannot be read');
      return null;
    });
    if (content === null) return null;
    const { birthtimeMs, mtimeMs } = await stat(file);
    const { events, wholeBytes, damagedLines } = await decodeRecords(content);
    const tailBytes = content.length - wholeBytes;
    if (damagedLines > 0 || (tailBytes > 0 && !newest)) {
      this.#reportDamage(file, sequence, damagedLines);
    }
    if (tailBytes > 0 && newest) {
      await cutFile(file, wholeBytes);
      this.#log.warn({ file, bytes: tailBytes }, 'cut the torn tail of the spool');
    }
    for (const event of events) onRecovered(event);
    return {
      sequence,
      records: events.length,
      bytes: newest ? wholeBytes : content.length,
      // not every file system has a file's creation time
      oldestAppendedAt: birthtimeMs > 0 ? Math.min(birthtimeMs, mtimeMs) : mtimeMs,
    };
  }

  #reportDamage(file: string, sequence: number, damagedLines: number): void {
    if (this.#damaged.has(sequence)) return;
    this.#damaged.add(sequence);
    this.#log.error(
      { file, damagedLines },
      'a segment of the spool is damaged: it is kept when its whole records are recorded',
    );
  }
}

async function cutFile(file: string, bytes: number): Promise<void> {
  await using handle = await open(file, 'r+');
  await handle.truncate(bytes);
  await handle.datasync();
}
