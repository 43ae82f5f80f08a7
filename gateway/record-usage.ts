import pg from 'pg';
import type { UsageEvent } from './usage-event.ts';

/** What `gateway.record_usage` answers. */
export interface RecordedUsage {
  recorded: number;
  repeated: number;
  rejected: { eventId: unknown; reason: string }[];
}

/**
 * Hands events to the database, which counts each once however often it is handed over. Rejects
 * where it is not known to have them; at once when `signal` is aborted.
 */
export type RecordUsage = (events: UsageEvent[], signal: AbortSignal) => Promise<RecordedUsage>;

/** The database did not answer in time. It may have the events all the same. */
export class RecordTimedOut extends Error {
  constructor(timeoutMs: number) {
    super(`record_usage did not answer within ${timeoutMs} ms`);
    this.name = RecordTimedOut.name;
  }
}

const defaultTimeoutMs = 20_000;

/**
 * Records usage over `pool`, as one prepared statement. A connection that does not answer within
 * `timeoutMs` is given up: one in a black hole would never end.
 */
export function recordUsageWith(
  pool: pg.Pool,
  { timeoutMs = defaultTimeoutMs }: { timeoutMs?: number } = {},
): RecordUsage {
  return async (events, signal) => {
    signal.throwIfAborted();
    const client = await pool.connect();
    if (signal.aborted) client.release();
    signal.throwIfAborted();
    let released = false;
    const release = (destroy: boolean) => {
      if (!released) client.release(destroy);
      released = true;
    };
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      release(true);
    }, timeoutMs);
    const abort = () => release(true);
    signal.addEventListener('abort', abort, { once: true });
    // the query rejects too, and nobody else listens while the connection is ours
    const ignore = () => {};
    client.on('error', ignore);
    try {
      const { rows } = await client.query<RecordedUsage>({
        name: 'record_usage',
        text: 'select recorded, repeated, rejected from gateway.record_usage($1::jsonb)',
        values: [JSON.stringify(events)],
      });
      const [outcome] = rows;
      if (!outcome) throw new Error('record_usage answered with no row');
      release(false);
      return outcome;
    } catch (error) {
      // one that only refused what it was sent is as good as before
      release(!(error instanceof pg.DatabaseError));
      throw timedOut ? new RecordTimedOut(timeoutMs) : error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      client.off('error', ignore);
    }
  };
}
