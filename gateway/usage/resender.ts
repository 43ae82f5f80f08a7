import { recordBatch } from './record-batch.ts';
import type { RecordUsage } from './record-usage.ts';
import { keepRejected, type RejectedEvent } from './rejected-events.ts';
import type { UsageEvent } from './usage-event.ts';

/** What became of the events that were in one place, or had been put aside for one reason. */
export interface ResentEvents {
  reason: string;
  sent: number;
  /** Rows that were made or raised. */
  recorded: number;
  /** Events that said nothing new. */
  repeated: number;
  /** Put aside, with the reason of this time. */
  refused: number;
}

/** What became of all of them. */
export interface Resending {
  /** By reason, in alphabetical order. */
  outcomes: ResentEvents[];
  /** Lines that hold no event. */
  unreadable: number;
  /** Why it ended early: what was not sent is in files that the next time sends. Null for an end. */
  failure: Error | null;
}

const batchSize = 1_000;
/** Events in memory, of all reasons. */
const mostWaiting = 10_000;

/** Sends events again. What the database refuses is put aside in the spool's folder. */
export class Resender {
  readonly #directory: string;
  readonly #record: RecordUsage;
  readonly #never = new AbortController().signal;
  /** By reason. */
  readonly #waiting = new Map<string, UsageEvent[]>();
  readonly #outcomes = new Map<string, ResentEvents>();
  #waitingCount = 0;
  /** Lines that held no event. */
  unreadable = 0;

  constructor(directory: string, record: RecordUsage) {
    this.#directory = directory;
    this.#record = record;
  }

  /** Sends an event, sooner or later. */
  async add({ event, reason }: RejectedEvent): Promise<void> {
    const events = this.#waiting.get(reason) ?? [];
    events.push(event);
    this.#waiting.set(reason, events);
    this.#waitingCount += 1;
    if (events.length === batchSize) await this.#sendBatch(reason, events);
    else if (this.#waitingCount >= mostWaiting) await this.sendAll();
  }

  /** Sends what waits. */
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
