import type { Logger } from 'pino';
import { recordBatch } from './record-batch.ts';
import {
  isRefusalOfData,
  isTimeout,
  type RecordedUsage,
  type RecordUsage,
} from './record-usage.ts';
import { keepRejected, type RejectedEvent } from './rejected-events.ts';
import type { Segment, Spool } from './spool.ts';
import type { UsageEvent } from './usage-event.ts';

export interface UsageRecorderOptions {
  spool: Spool;
  record: RecordUsage;
  /** How late usage may be, in ms: events are sent every half of it, and when a segment is full. */
  flushMs: number;
  /** How many events one call of `record` takes. */
  batchSize?: number;
  /** The longest wait before `record` is tried again, in ms. */
  maxBackoffMs?: number;
  /** Called once per segment, when the database has recorded or permanently refused its events. */
  onRecorded?: (events: UsageEvent[], outcome: RecordingOutcome) => void;
  log: Logger;
}

/** How many rows were added or raised, and how many events changed nothing or were refused. */
export interface RecordingOutcome {
  recorded: number;
  repeated: number;
  rejected: number;
}

/** Starts to send the spool's events to the database; those of an earlier run at once. */
export function createUsageRecorder(options: UsageRecorderOptions): UsageRecorder {
  return new UsageRecorder(options);
}

const firstBackoffMs = 100;
/** A slow database gets smaller batches, down to this many events. */
const smallestBatch = 100;

/** The progress of a segment: the events that are done are not sent again with the rest. */
interface OpenSegment {
  sequence: number;
  events: number;
  done: number;
  outcome: { recorded: number; repeated: number };
  rejected: RejectedEvent[];
}

/** The database could not be reached, or did not answer in time: the events stay in the spool. */
class NotRecorded extends Error {}

/** Moves events from the spool to the database, one segment at a time, the oldest first. */
export class UsageRecorder {
  readonly #options: Required<UsageRecorderOptions>;
  readonly #abort = new AbortController();
  /** Segments that cannot be finished because of the disk, and have been reported. */
  readonly #stuck = new Set<number>();
  #open: OpenSegment | null = null;
  #batchSize: number;
  #failures = 0;
  #running: Promise<boolean> | null = null;
  #next: Promise<boolean> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: UsageRecorderOptions) {
    this.#options = { batchSize: 10_000, maxBackoffMs: 5_000, onRecorded: () => {}, ...options };
    this.#batchSize = this.#options.batchSize;
    this.#options.spool.whenSealed(() => {
      // a running flush checks again when it ends, and a failed one has its retry scheduled
      if (!this.#stopped && this.#running === null && this.#failures === 0) void this.flush();
    });
    this.#schedule();
  }

  /**
   * Sends the events in the spool. Resolves with whether all events appended before are recorded.
   * One flush runs at a time: another one that is requested meanwhile follows it.
   */
  flush(): Promise<boolean> {
    if (this.#running === null) {
      clearTimeout(this.#timer);
      this.#running = this.#flush();
      return this.#running;
    }
    this.#next ??= this.#running.then(() => {
      this.#next = null;
      return this.flush();
    });
    return this.#next;
  }

  /**
   * Sends the events in the spool once more, for at most `deadlineMs`. Resolves with whether all
   * are recorded: the rest stay for the next start.
   */
  async stop({ deadlineMs }: { deadlineMs: number }): Promise<boolean> {
    const { spool } = this.#options;
    this.#stopped = true;
    clearTimeout(this.#timer);
    const deadline = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => deadline.resolve(false), deadlineMs);
    const complete = await Promise.race([this.flush(), deadline.promise]);
    clearTimeout(timer);
    this.#abort.abort(new Error('the recorder was stopped'));
    return complete && spool.pendingRecords === 0;
  }

  async #flush(): Promise<boolean> {
    const { spool } = this.#options;
    let complete = false;
    try {
      // sealed only after the backlog is sent: in a long outage this gives a few full segments, not
      // many small ones
      const backlog = spool.sealed();
      complete = await this.#sendAll(backlog);
      await spool.seal();
      const newest = backlog.at(-1)?.sequence ?? 0;
      const rest = spool.sealed().filter(({ sequence }) => sequence > newest);
      complete = (await this.#sendAll(rest)) && complete;
    } catch (error) {
      complete = false;
      this.#noteFailure(error as Error);
    }
    this.#running = null;
    this.#schedule();
    return complete;
  }

  #schedule(): void {
    const { spool, flushMs, maxBackoffMs } = this.#options;
    if (this.#stopped) return;
    let wait = flushMs / 2;
    if (this.#failures > 0) {
      const longest = Math.min(wait, maxBackoffMs, firstBackoffMs * 2 ** (this.#failures - 1));
      // jitter: gateways that lost the same database do not retry in step
      wait = longest * (0.5 + Math.random() / 2);
    } else if (spool.sealed().some(({ sequence }) => !this.#stuck.has(sequence))) {
      wait = 0;
    }
    this.#timer = setTimeout(() => void this.flush(), wait).unref();
  }

  /** Returns whether all were sent. Throws `NotRecorded`: then the others would fail too. */
  async #sendAll(segments: Segment[]): Promise<boolean> {
    let complete = true;
    for (const segment of segments) {
      if (this.#abort.signal.aborted) return false;
      try {
        await this.#send(segment);
        this.#stuck.delete(segment.sequence);
      } catch (error) {
        if (error instanceof NotRecorded) throw error;
        complete = false;
        this.#noteStuck(segment, error as NodeJS.ErrnoException);
      }
    }
    return complete;
  }

  async #send(segment: Segment): Promise<void> {
    const { spool, onRecorded, log } = this.#options;
    const events = await spool.read(segment);
    const open = this.#resume(segment, events.length);
    while (open.done < events.length) {
      const batch = events.slice(open.done, open.done + this.#batchSize);
      const record = (events: UsageEvent[]) => this.#record(events, open.outcome);
      open.rejected.push(...(await recordBatch(record, batch)));
      open.done += batch.length;
    }
    if (open.rejected.length > 0) await keepRejected(spool.directory, open.rejected);
    await spool.remove(segment);
    this.#open = null;
    this.#batchSize = Math.min(this.#options.batchSize, this.#batchSize * 2);
    for (const { event, reason } of open.rejected) {
      log.error({ eventId: event.eventId, reason }, 'the database refused an event');
    }
    onRecorded(events, { ...open.outcome, rejected: open.rejected.length });
  }

  /** The progress of a segment's last attempt; one that has lost events since starts over. */
  #resume({ sequence }: Segment, events: number): OpenSegment {
    const open = this.#open;
    if (open?.sequence === sequence && open.events === events) return open;
    const outcome = { recorded: 0, repeated: 0 };
    this.#open = { sequence, events, done: 0, outcome, rejected: [] };
    return this.#open;
  }

  /** Sends a batch to the database, and adds the result to `outcome`. */
  async #record(batch: UsageEvent[], outcome: OpenSegment['outcome']): Promise<RecordedUsage> {
    let answer: RecordedUsage;
    try {
      answer = await this.#options.record(batch, this.#abort.signal);
    } catch (error) {
      throw isRefusalOfData(error) ? error : this.#notRecorded(error as Error);
    }
    this.#noteSuccess();
    outcome.recorded += answer.recorded;
    outcome.repeated += answer.repeated;
    return answer;
  }

  #notRecorded(cause: Error): NotRecorded {
    const least = Math.min(smallestBatch, this.#options.batchSize);
    if (isTimeout(cause)) this.#batchSize = Math.max(least, Math.ceil(this.#batchSize / 2));
    return new NotRecorded(cause.message, { cause });
  }

  #noteFailure(error: Error): void {
    const { log, spool } = this.#options;
    this.#failures += 1;
    if (this.#failures > 1 || this.#abort.signal.aborted) return;
    const { code } = (error.cause ?? error) as { code?: unknown };
    const what = { code, reason: error.message, events: spool.pendingRecords };
    log.warn(what, 'usage is not recorded: it stays in the spool');
  }

  #noteSuccess(): void {
    const { log, spool } = this.#options;
    if (this.#failures > 0) log.info({ events: spool.pendingRecords }, 'usage is recorded again');
    this.#failures = 0;
  }

  #noteStuck({ sequence }: Segment, { code, message }: NodeJS.ErrnoException): void {
    if (this.#stuck.has(sequence)) return;
    this.#stuck.add(sequence);
    this.#options.log.error({ sequence, code, reason: message }, 'a segment cannot be finished');
  }
}
