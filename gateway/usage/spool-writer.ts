import type { Logger } from 'pino';
import { createSpoolFile, discard, type SpoolFile, succeeds, writeAll } from './spool-file.ts';
import { encodeRecord } from './spool-record.ts';
import { type Segment, segmentFile, syncFolder } from './spool-segments.ts';
import type { UsageEvent } from './usage-event.ts';

export interface SpoolWriterOptions {
  directory: string;
  lastSequence: number;
  /** A segment is sealed at this many records, or at the record that reaches this many bytes. */
  segmentRecords: number;
  segmentBytes: number;
  /** The time between two attempts to write while the disk refuses, in ms. */
  retryMs: number;
  /** Creates a file that must not exist yet. */
  openFile?: (path: string) => Promise<SpoolFile>;
  /** In ms since 1970. */
  now: () => number;
  log: Logger;
  /** Called with the segment and its events. */
  onSealed: (segment: Segment, events: UsageEvent[]) => void;
  onWritten: () => void;
  /** Called when the disk has no room. */
  onFull: () => Promise<unknown>;
}

/** The spool was closed before an event was on disk. */
class SpoolClosed extends Error {
  constructor() {
    super('the spool was closed before the event was on disk');
    this.name = SpoolClosed.name;
  }
}

interface WaitingRecord {
  event: UsageEvent;
  record: string;
  /** The record's size. */
  bytes: number;
  at: number;
  resolve: () => void;
  reject: (error: SpoolClosed) => void;
}

interface ActiveSegment extends Segment {
  readonly file: SpoolFile;
  /** The events that are known to be on disk. */
  readonly events: UsageEvent[];
  records: number;
  bytes: number;
}

/** How long the first record of a group waits for others, in ms: a sync costs more than a wait. */
const gatherMs = 2;
/** The errors of a full disk, or of a full quota on it. */
const noRoom: (string | undefined)[] = ['ENOSPC', 'EDQUOT'];

/**
 * Appends records in groups: records that arrive while a group is gathered, or the previous one is
 * synced, join it. A group that the disk refuses is retried until it succeeds.
 */
export class SpoolWriter {
  readonly #options: Required<SpoolWriterOptions>;
  readonly #waiting: WaitingRecord[] = [];
  #waitingBytes = 0;
  #active: ActiveSegment | null = null;
  #lastSequence: number;
  #appended = 0;
  #failing = false;
  #closing = false;
  /** Resolves when nothing waits; null while nothing does. */
  #drained: Promise<void> | null = null;
  #wake: () => void = () => {};
  /** Callers that touch the active segment take turns. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SpoolWriterOptions) {
    this.#options = { openFile: createSpoolFile, ...options };
    this.#lastSequence = options.lastSequence;
  }

  /** Whether the disk refused the last group. */
  get failing(): boolean {
    return this.#failing;
  }

  /** The records that are not in a sealed segment yet. */
  get pending(): { records: number; bytes: number; oldestAppendedAt: number | null } {
    const { records = 0, bytes = 0, oldestAppendedAt = null } = this.#active ?? {};
    return {
      records: records + this.#waiting.length,
      bytes: bytes + this.#waitingBytes,
      oldestAppendedAt: (records > 0 ? oldestAppendedAt : this.#waiting[0]?.at) ?? null,
    };
  }

  /** How many records were put on disk since the start. */
  get appended(): number {
    return this.#appended;
  }

  /** Resolves when the event is on disk. Rejects only with `SpoolClosed`. */
  append(event: UsageEvent): Promise<void> {
    if (this.#closing) return Promise.reject(new SpoolClosed());
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const record = encodeRecord(event);
    const bytes = Buffer.byteLength(record);
    this.#waiting.push({ event, record, bytes, at: this.#options.now(), resolve, reject });
    this.#waitingBytes += bytes;
    this.#drained ??= this.#drain();
    return promise;
  }

  /**
   * Writes the waiting records, if the disk can, and seals the active segment, if it has records.
   */
  seal(): Promise<void> {
    return this.#inTurn(async () => {
      for (let left = this.#waiting.length; left > 0 && !this.#failing; ) {
        const before = this.#appended;
        this.#noteOutcome(await this.#writeGroup());
        left -= this.#appended - before;
      }
      await this.#seal();
    });
  }

  /** Writes the waiting records. Those that the disk refuses are rejected with `SpoolClosed`. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#wake();
    await this.#drained;
    await this.#inTurn(() => this.#abandon());
  }

  #inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    const done = this.#turn.then(act);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      if (!this.#closing) await this.#pause(gatherMs);
      const failure = await this.#inTurn(() => this.#writeGroup());
      this.#noteOutcome(failure);
      if (failure === null) continue;
      if (noRoom.includes(failure.code)) await this.#options.onFull().catch(() => {});
      if (this.#closing) this.#giveUp();
      else await this.#pause(this.#options.retryMs);
    }
    // in the same turn as the check above: an append in between would never be written
    this.#drained = null;
  }

  /**
   * Writes and syncs the waiting records that the segment takes. Returns the disk's error, if any.
   */
  async #writeGroup(): Promise<NodeJS.ErrnoException | null> {
    const { segmentRecords, segmentBytes, onWritten } = this.#options;
    // a seal in between has written them
    if (this.#waiting.length === 0) return null;
    try {
      this.#active ??= await this.#create();
    } catch (error) {
      return error as NodeJS.ErrnoException;
    }
    const active = this.#active;
    let size = 0;
    let count = 0;
    let records = '';
    for (const { record, bytes } of this.#waiting) {
      if (active.records + count >= segmentRecords || active.bytes + size >= segmentBytes) break;
      records += record;
      size += bytes;
      count += 1;
    }
    const bytes = Buffer.from(records);
    let written = false;
    try {
      await writeAll(active.file, bytes, active.bytes);
      written = true;
      await active.file.datasync();
    } catch (error) {
      const cut = await succeeds(active.file.truncate(active.bytes));
      // after a failed sync, another may succeed without the data: write it again to a new segment
      if (written || !cut) await this.#abandon();
      return error as NodeJS.ErrnoException;
    }
    active.bytes += size;
    active.records += count;
    this.#waitingBytes -= size;
    this.#appended += count;
    for (const { event, resolve } of this.#waiting.splice(0, count)) {
      active.events.push(event);
      resolve();
    }
    onWritten();
    if (active.records >= segmentRecords || active.bytes >= segmentBytes) await this.#seal();
    return null;
  }

  async #create(): Promise<ActiveSegment> {
    const { directory, openFile, now } = this.#options;
    // a number is used once, even if its file could not be created
    this.#lastSequence += 1;
    const sequence = this.#lastSequence;
    const path = segmentFile(directory, sequence);
    const file = await openFile(path);
    try {
      await syncFolder(directory);
    } catch (error) {
      await discard(path, file);
      throw error;
    }
    const oldestAppendedAt = this.#waiting[0]?.at ?? now();
    return { sequence, file, events: [], records: 0, bytes: 0, oldestAppendedAt };
  }

  async #seal(): Promise<void> {
    if (this.#active && this.#active.records > 0) await this.#abandon();
  }

  /** Closes the active segment as it is; one without records is removed. */
  async #abandon(): Promise<void> {
    if (this.#active === null) return;
    const { file, events, ...segment } = this.#active;
    this.#active = null;
    if (segment.records > 0) {
      // reported before any wait, so that every record is always accounted for
      this.#options.onSealed(segment, events);
      await succeeds(file.close());
    } else {
      await discard(segmentFile(this.#options.directory, segment.sequence), file);
    }
  }

  #noteOutcome(failure: NodeJS.ErrnoException | null): void {
    const { directory, log } = this.#options;
    if ((failure !== null) === this.#failing) return;
    this.#failing = failure !== null;
    if (failure === null) {
      log.info({ directory }, 'the spool is written again');
    } else {
      const { code, message: reason } = failure;
      log.error({ directory, code, reason }, 'the spool cannot be written: events wait in memory');
    }
  }

  #giveUp(): void {
    const given = this.#waiting.splice(0);
    this.#waitingBytes = 0;
    const { directory, log } = this.#options;
    log.error({ directory, events: given.length }, 'events are lost: the disk still refuses them');
    for (const { reject } of given) reject(new SpoolClosed());
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
