import { setImmediate as nextTurn } from 'node:timers/promises';
import pg from 'pg';
import type { UsageEvent } from './usage-event.ts';

/** What `gateway.record_usage` answers. */
export interface RecordedUsage {
  recorded: number;
  repeated: number;
  /** `index`: in the batch. */
  rejected: { index: number; reason: string }[];
}

/**
 * Hands events to the database, which counts each once however often it is handed over. Rejects
 * where it is not known to have them; at once when `signal` is aborted.
 */
export type RecordUsage = (events: UsageEvent[], signal: AbortSignal) => Promise<RecordedUsage>;

/** The database did not answer in time. It may have the events all the same. */
class RecordTimedOut extends Error {
  constructor(timeoutMs: number) {
    super(`record_usage did not answer within ${timeoutMs} ms`);
    this.name = RecordTimedOut.name;
  }
}

/**
 * Whether the database refuses what it was sent, rather than being unable to take it: a value that
 * is none (class 22), one that a constraint refuses (class 23), or no array of events.
 */
export function isRefusalOfData(error: unknown): error is { code: string } {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^(2[23]...|PT400)$/.test(code);
}

/** Whether the database took too long, by its own clock or by ours. */
export function isTimeout(error: unknown): boolean {
  return error instanceof RecordTimedOut || (error as { code?: unknown }).code === queryCanceled;
}

const queryCanceled = '57014';
const defaultTimeoutMs = 20_000;
/** Events that are encoded before other work has its turn: tunnels run on the same thread. */
const eventsATurn = 500;

/**
 * Records usage over `pool`, as one prepared statement. A connection that does not answer within
 * `timeoutMs` is given up: one in a black hole would never end.
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
    // the query rejects too, and nobody else listens while the connection is ours
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
      // a connection that said no is as good as before; one that said its last is not
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
