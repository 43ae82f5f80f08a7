import type { Logger } from 'pino';
import { lockSpool, type SpoolLock } from './spool-lock.ts';
import { RecordedSegments } from './spool-recorded.ts';
import { makeSpoolFolder, type Segment, SpoolSegments } from './spool-segments.ts';
import { SpoolSpace, type SpoolSpaceOptions } from './spool-space.ts';
import { SpoolWriter, type SpoolWriterOptions } from './spool-writer.ts';
import type { UsageEvent } from './usage-event.ts';

export type { Segment } from './spool-segments.ts';

export interface SpoolOptions
  extends Partial<
    Pick<SpoolWriterOptions, 'segmentRecords' | 'segmentBytes' | 'retryMs' | 'openFile' | 'now'> &
      Pick<SpoolSpaceOptions, 'reserveBytes' | 'freeBytes'>
  > {
  /** A folder that only this gateway uses; created if it does not exist. */
  directory: string;
  log: Logger;
  /** How many of the newest segments are also kept in memory, so that they are not read again. */
  keptSegments?: number;
  /** How long segments are kept after their events are recorded, in ms; 0 for not at all. */
  keepMs?: number;
  /** Called with each event that an earlier process left. */
  onRecovered?: (event: UsageEvent) => void;
}

const defaults = {
  /** Room for what open tunnels have yet to report. */
  reserveBytes: 16 * 1024 * 1024,
  segmentRecords: 10_000,
  segmentBytes: 8 * 1024 * 1024,
  retryMs: 1_000,
  keptSegments: 2,
  keepMs: 0,
  now: Date.now,
  onRecovered: () => {},
};

/**
 * Opens the spool, with the events that an earlier process left in it. Rejects with `SpoolInUse` if
 * another gateway has the folder, and with the file system's error if it cannot be used.
 */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const { directory, log, onRecovered, keepMs, ...rest } = { ...defaults, ...options };
  await makeSpoolFolder(directory);
  const lock = lockSpool(directory);
  try {
    const recorded = new RecordedSegments({ keepMs, now: rest.now, log });
    const files = new SpoolSegments(directory, log, recorded);
    const recovered = await files.recover(onRecovered);
    await recorded.recover(directory);
    const yieldRoom = () => recorded.dropOldest();
    const space = new SpoolSpace({ ...rest, directory, intervalMs: rest.retryMs, yieldRoom, log });
    await space.look();
    const onFull = yieldRoom;
    const spool = new Spool({ ...rest, ...recovered, directory, log, lock, files, space, onFull });
    if (recovered.segments.length > 0) {
      const { pendingRecords } = spool;
      log.info({ directory, events: pendingRecords }, 'recovered events of an earlier run');
    }
    return spool;
  } catch (error) {
    lock.release();
    throw error;
  }
}

interface SpoolParts extends Omit<SpoolWriterOptions, 'onSealed' | 'onWritten'> {
  lock: SpoolLock;
  files: SpoolSegments;
  segments: Segment[];
  keptSegments: number;
  space: SpoolSpace;
}

/**
 * Usage events on disk, from when they occur until the database has them: append-only segments,
 * each sealed before it is read, and removed as a whole.
 */
export class Spool {
  readonly directory: string;
  readonly #lock: SpoolLock;
  readonly #files: SpoolSegments;
  readonly #space: SpoolSpace;
  readonly #writer: SpoolWriter;
  /** By sequence number, oldest first. */
  readonly #sealed: Map<number, Segment>;
  /** The events of the newest segments of this process, by sequence number. */
  readonly #kept = new Map<number, UsageEvent[]>();
  #sealedRecords = 0;
  #sealedBytes = 0;
  #onSealed: () => void = () => {};
  #closed: Promise<void> | null = null;

  constructor({ lock, files, segments, keptSegments, space, ...writing }: SpoolParts) {
    this.directory = writing.directory;
    this.#lock = lock;
    this.#files = files;
    this.#space = space;
    this.#sealed = new Map();
    for (const segment of segments) this.#addSealed(segment);
    this.#writer = new SpoolWriter({
      ...writing,
      onSealed: (segment, events) => {
        this.#addSealed(segment);
        this.#kept.set(segment.sequence, events);
        const [oldest = 0] = this.#kept.keys();
        if (this.#kept.size > keptSegments) this.#kept.delete(oldest);
        this.#onSealed();
      },
      onWritten: () => void space.glance(),
    });
  }

  /**
   * Resolves when the event is on disk; while the disk refuses, it waits in memory. Rejects only
   * with `SpoolClosed`.
   */
  append(event: UsageEvent): Promise<void> {
    return this.#writer.append(event);
  }

  /** Whether the disk takes events, with room left for those of open tunnels. */
  get accepting(): boolean {
    return this.#closed === null && this.#space.enough && !this.#writer.failing;
  }

  /** Seals the active segment, if any, so that it can be read. */
  seal(): Promise<void> {
    return this.#writer.seal();
  }

  /** The segments that can be read, oldest first. */
  sealed(): Segment[] {
    return [...this.#sealed.values()];
  }

  /** A segment's events; rejects if the file cannot be read. */
  async read(segment: Segment): Promise<UsageEvent[]> {
    return this.#kept.get(segment.sequence) ?? (await this.#files.read(segment));
  }

  /** Removes a segment whose events are recorded. A closed spool keeps its files. */
  async remove(segment: Segment): Promise<void> {
    // by now another process may own the folder, and read what it finds
    if (this.#closed || !this.#sealed.has(segment.sequence)) return;
    await this.#files.remove(segment);
    this.#kept.delete(segment.sequence);
    if (!this.#sealed.delete(segment.sequence)) return;
    this.#sealedRecords -= segment.records;
    this.#sealedBytes -= segment.bytes;
    if (!this.#space.enough) await this.#space.look();
  }

  /** Calls `listener` whenever a segment can be read. There is one listener at a time. */
  whenSealed(listener: () => void): void {
    this.#onSealed = listener;
  }

  /** Events that are not recorded, in memory or on disk. */
  get pendingRecords(): number {
    return this.#sealedRecords + this.#writer.pending.records;
  }

  get pendingBytes(): number {
    return this.#sealedBytes + this.#writer.pending.bytes;
  }

  /** When the oldest event that is not recorded was appended, in ms since 1970. */
  get oldestAppendedAt(): number | null {
    const [oldest] = this.#sealed.values();
    return oldest?.oldestAppendedAt ?? this.#writer.pending.oldestAppendedAt;
  }

  /** How many events this process has put on disk. */
  get appendedRecords(): number {
    return this.#writer.appended;
  }

  /** Writes waiting events, if the disk takes them, and releases the folder. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#space.stop();
    await this.#writer.close();
    this.#lock.release();
  }

  #addSealed(segment: Segment): void {
    this.#sealed.set(segment.sequence, segment);
    this.#sealedRecords += segment.records;
    this.#sealedBytes += segment.bytes;
  }
}
