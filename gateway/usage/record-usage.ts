import { setImmediate as nextTurn } from 'node:timers/promises';
import pg from 'pg';
import type { UsageEvent } from './usage-event.ts';

/** The result of `gateway.record_usage`. */
export interface RecordedUsage {
  recorded: number;
  repeated: number;
  /** `index`: in the batch. */
  rejected: { index: number; reason: string }[];
}

/**
 * Sends events to the database, which counts each once however often it is sent. Rejects if it may
 * not have them; at once when `signal` is aborted.
 */
export type RecordUsage = (events: UsageEvent[], signal: AbortSignal) => Promise<RecordedUsage>;

/** The database did not answer in time. It may have recorded the events. */
class RecordTimedOut extends Error {
  constructor(timeoutMs: number) {
    super(`record_usage did not answer within ${timeoutMs} ms`);
    this.name = RecordTimedOut.name;
  }
}

/**
 * Whether the database refuses the data, rather than being unable to take it: an invalid value
 * (class 22), a constraint violation (class 23), or not an array of events (PT400).
 */
export function isRefusalOfData(error: unknown): error is { code: string } {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^(2[23]...|PT400)$/.test(code);
}

/** Whether the database took too long, by its own timeout or by the gateway's. */
export function isTimeout(error: unknown): boolean {
  return error instanceof RecordTimedOut || (error as { code?: unknown }).code === queryCanceled;
}

const queryCanceled = '57014';
const defaultTimeoutMs = 20_000;
/** Events that are encoded before other work gets a turn: tunnels run on the same thread. */
const eventsATurn = 500;

/**
 * Records usage over `pool`, with one prepared statement. A connection that does not answer within
 * `timeoutMs` is closed: one to a silent peer would never end.
 */
export function recordUsageWith(
  pool: pg.Pool,
  { timeoutMs = defaultTimeoutMs }: { timeoutMs?: number } = {},
): RecordUsage {
  return async (events, signal) => {
    const json = await encode(events);
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
    // the query rejects too, and the pool does not listen while the connection is checked out
    const ignore = () => {};
    client.on('error', ignore);
    try {
      const { rows } = await client.query<RecordedUsage>({
        name: 'record_usage',
        text: 'select recorded, repeated, rejected from gateway.record_usage($1::jsonb)',
        values: [json],
      });
      const [outcome] = rows;
      if (!outcome) throw new Error('record_usage answered with no row');
      release(false);
      return outcome;
    } catch (error) {
      // after an ERROR the connection still works; after anything worse it does not
      release(!(error instanceof pg.DatabaseError && error.severity === 'ERROR'));
      throw timedOut ? new RecordTimedOut(timeoutMs) : error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      client.off('error', ignore);
    }
  };
}

async function encode(events: UsageEvent[]): Promise<string> {
  const parts: string[] = [];
  for (let at = 0; at < events.length; at += eventsATurn) {
    if (at > 0) await nextTurn();
    parts.push(JSON.stringify(events.slice(at, at + eventsATurn)).slice(1, -1));
  }
  return `[${parts.join(',')}]`;
}
