import { recordBatch } from './record-batch.ts';
import type { RecordUsage } from './record-usage.ts';
import { keepRejected, type RejectedEvent } from './rejected-events.ts';
import type { UsageEvent } from './usage-event.ts';

/** The outcome for the events of one kind, or that had been rejected for one reason. */
export interface ResentEvents {
  reason: string;
  sent: number;
  /** Rows that were added or raised. */
  recorded: number;
  /** Events that changed nothing. */
  repeated: number;
  /** Rejected again, with the new reason. */
  refused: number;
}

/** The outcome for all of them. */
export interface Resending {
  /** By reason, in alphabetical order. */
  outcomes: ResentEvents[];
  /** Lines that are not a valid event. */
  unreadable: number;
  /** Why it ended early; null if it did not. Unsent events are in files that the next run sends. */
  failure: Error | null;
}

const batchSize = 1_000;
/** How many events may wait in memory, over all reasons. */
const mostWaiting = 10_000;

/** Sends events again. Those that the database refuses go to `rejected.ndjson`. */
export class Resender {
  readonly #directory: string;
  readonly #record: RecordUsage;
  readonly #never = new AbortController().signal;
  /** By reason. */
  readonly #waiting = new Map<string, UsageEvent[]>();
  readonly #outcomes = new Map<string, ResentEvents>();
  #waitingCount = 0;
  /** Lines that were not a valid event. */
  unreadable = 0;

  constructor(directory: string, record: RecordUsage) {
    this.#directory = directory;
    this.#record = record;
  }

  /** Queues an event, and sends a batch once there are enough. */
  async add({ event, reason }: RejectedEvent): Promise<void> {
    const events = this.#waiting.get(reason) ?? [];
    events.push(event);
    this.#waiting.set(reason, events);
    this.#waitingCount += 1;
    if (events.length === batchSize) await this.#sendBatch(reason, events);
    else if (this.#waitingCount >= mostWaiting) await this.sendAll();
  }

  /** Sends all queued events. */
  async sendAll(): Promise<void> {
    for (const [reason, events] of this.#waiting) await this.#sendBatch(reason, events);
  }

  outcome(): Pick<Resending, 'outcomes' | 'unreadable'> {
    const outcomes = [...this.#outcomes.values()];
    outcomes.sort((one, other) => (one.reason < other.reason ? -1 : 1));
    return { outcomes, unreadable: this.unreadable };
  }

  async #sendBatch(reason: string, events: UsageEvent[]): Promise<void> {
    const sum = { recorded: 0, repeated: 0 };
    const rejected = await recordBatch(async (batch) => {
      const answer = await this.#record(batch, this.#never);
      sum.recorded += answer.recorded;
      sum.repeated += answer.repeated;
      return answer;
    }, events);
    if (rejected.length > 0) await keepRejected(this.#directory, rejected);
    this.#waiting.delete(reason);
    this.#waitingCount -= events.length;
    const outcome = this.#outcomes.get(reason) ?? {
      reason,
      sent: 0,
      recorded: 0,
      repeated: 0,
      refused: 0,
    };
    outcome.sent += events.length;
    outcome.recorded += sum.recorded;
    outcome.repeated += sum.repeated;
    outcome.refused += rejected.length;
    this.#outcomes.set(reason, outcome);
  }
}
