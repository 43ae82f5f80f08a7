import { open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { recordBatch } from './record-batch.ts';
import type { RecordUsage } from './record-usage.ts';
import { keepRejected, putAside, rejectedFile } from './rejected-events.ts';
import { lockSpool } from './spool-lock.ts';
import { parseEvent } from './spool-record.ts';
import { syncFolder } from './spool-segments.ts';
import type { UsageEvent } from './usage-event.ts';

/** What became of the events that had been put aside for one reason. */
export interface ResentEvents {
  reason: string;
  sent: number;
  /** Rows that were made or raised. */
  recorded: number;
  /** Events that said nothing new. */
  repeated: number;
  /** Put aside again, with the reason of this time. */
  refused: number;
}

/** What became of all of them. */
export interface Resending {
  /** By reason, in alphabetical order. */
  outcomes: ResentEvents[];
  /** Lines that hold no event; put aside again as they are. */
  unreadable: number;
  /** Why it ended early: what was not sent is in files that the next time begins with. Null for an end. */
  failure: Error | null;
}

const batchSize = 1_000;
/** Events in memory, of all reasons. */
const mostWaiting = 10_000;
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
      for (const file of files) await resender.send(join(directory, file));
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

class Resender {
  readonly #directory: string;
  readonly #record: RecordUsage;
  readonly #never = new AbortController().signal;
  /** By reason. */
  readonly #waiting = new Map<string, UsageEvent[]>();
  readonly #outcomes = new Map<string, ResentEvents>();
  #waitingCount = 0;
  #unreadable = 0;

  constructor(directory: string, record: RecordUsage) {
    this.#directory = directory;
    this.#record = record;
  }

  /** Sends a file's events, and removes it. */
  async send(path: string): Promise<void> {
    await using file = await open(path);
    for await (const line of file.readLines()) {
      const read = readRejected(line);
      if (read === null) {
        // an empty one parts what a crash cut short from what follows it
        if (line !== '') await putAside(this.#directory, [line]);
        if (line !== '') this.#unreadable += 1;
        continue;
      }
      const { event, reason } = read;
      const events = this.#waiting.get(reason) ?? [];
      events.push(event);
      this.#waiting.set(reason, events);
      this.#waitingCount += 1;
      if (events.length === batchSize) await this.#sendBatch(reason, events);
      else if (this.#waitingCount >= mostWaiting) await this.#sendAll();
    }
    await this.#sendAll();
    await rm(path);
    await syncFolder(this.#directory);
  }

  outcome(): Pick<Resending, 'outcomes' | 'unreadable'> {
    const outcomes = [...this.#outcomes.values()];
    outcomes.sort((one, other) => (one.reason < other.reason ? -1 : 1));
    return { outcomes, unreadable: this.#unreadable };
  }

  async #sendAll(): Promise<void> {
    for (const [reason, events] of this.#waiting) await this.#sendBatch(reason, events);
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

function readRejected(line: string): { event: UsageEvent; reason: string } | null {
  try {
    const { event, reason } = JSON.parse(line) as { event: unknown; reason: unknown };
    const parsed = parseEvent(event);
    return parsed && typeof reason === 'string' ? { event: parsed, reason } : null;
  } catch {
    return null;
  }
}
