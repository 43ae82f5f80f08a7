import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from 'pino';
import { readDatabaseUrl } from '../database/database-url.ts';
import type { DatabaseClock } from '../database-clock.ts';
import { causeOf, explainDatabaseError } from '../readiness/database-problem.ts';
import {
  checkChannel,
  NotificationCheck,
  type SendCheck,
} from '../readiness/notification-check.ts';
import { NotReady, newReason, type Reason } from '../readiness/reason.ts';
import { askForState, type DatabaseState } from '../readiness/schema-version.ts';
import { keepConnected } from '../reconnecting.ts';
import { isKeyId } from './credentials.ts';
import { keyMaxAgeMs } from './key-cache.ts';

export interface ChangeListenerOptions {
  /** A direct or session-mode connection: a transaction pooler passes no notifications on. */
  databaseUrl: string;
  /** A key changed: its keyId. */
  onChange: (keyId: string) => void;
  /** From now on every change arrives. */
  onListening: () => void;
  /** From now on changes may be missed. */
  onLost: () => void;
  /** Sends what is to arrive here before keys are cached. */
  sendCheck: SendCheck;
  /** Measured over the connection, at each heartbeat. */
  clock: Pick<DatabaseClock, 'measure' | 'now'>;
  /** What the database said of its schema, at each heartbeat. */
  onSchema?: (schema: DatabaseState['schema']) => void;
  log: Logger;
  /** How often a quiet connection is asked whether it lives, in ms. */
  heartbeatMs?: number;
  /** How long it may take to answer, and a notification to arrive, in ms. */
  timeoutMs?: number;
  /** How often it is checked that notifications arrive, in ms: as long as a cached key counts. */
  checkMs?: number;
}

export interface ChangeListener {
  /** Whether notifications of changes arrive: a check of them has proved it. */
  readonly listening: boolean;
  /** Why they do not; null while they do. */
  readonly problem: Reason | null;
  stop(): Promise<void>;
}

/** What the log says of each change: a restore is followed by what `maintain` reads of it. */
export const keyChanged = 'a key changed';

const channel = 'proxy_key_changed';
const longestPauseMs = 2_000;

/**
 * Listens for key changes on a connection of its own, and begins again whenever it is lost. A
 * connection that is silently dead shows at the next heartbeat, which asks for the database's time; one
 * that passes no notifications on at the next check. Throws `DatabaseUrlError`.
 */
export function startChangeListener(options: ChangeListenerOptions): ChangeListener {
  const { clock, log, heartbeatMs = 5_000, timeoutMs = 3_000, checkMs = keyMaxAgeMs } = options;
  const { url, ssl } = readDatabaseUrl(options.databaseUrl);
  let listening = false;
  let problem: Reason = newReason('starting');

  const changed = (payload: string) => {
    // a login of any gateway can send anything here
    if (isKeyId(payload)) {
      const occurredAt = new Date(clock.now()).toISOString();
      log.info({ keyId: payload, occurredAt }, keyChanged);
    }
    options.onChange(payload);
  };
  const measure = async (client: pg.Client): Promise<DatabaseState> => {
    let state: DatabaseState | undefined;
    await clock.measure(async () => {
      state = await askForState(client);
      return state.timeMs;
    });
    if (!state) throw new Error('the clock did not ask');
    return state;
  };

  /** Listens until the connection is lost; throws why. */
  const hold = async (signal: AbortSignal, works: () => void): Promise<never> => {
    const client = new pg.Client({
      connectionString: url,
      ssl,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      keepAlive: true,
      application_name: 'proxy_gateway listener',
    });
    const over = new AbortController();
    let connected = false;
    const fail = (error: Error) => {
      over.abort(error);
      // what waits for an answer fails with it; a goodbye would wait for a dead peer
      client.connection.stream.destroy();
      // a connection may tell more than once of its end, and later than the next has begun
      if (!connected) return;
      connected = false;
      listening = false;
      options.onLost();
    };
    client.on('error', fail);
    client.on('end', () => fail(new Error('the connection ended')));
    const check = new NotificationCheck(options.sendCheck, timeoutMs);
    client.on('notification', ({ channel: from, payload }) => {
      if (from === checkChannel) check.arrived(payload);
      else if (payload) changed(payload);
    });
    const beat = async () => {
      const state = await measure(client);
      options.onSchema?.(state.schema);
      if (state.inRecovery) throw new NotReady(newReason('standby_database'));
    };
    const stop = () => fail(new Error('stopped'));
    signal.addEventListener('abort', stop);
    try {
      await client.connect();
      over.signal.throwIfAborted();
      await beat();
      over.signal.throwIfAborted();
      await client.query(`listen ${channel}; listen ${checkChannel}`);
      over.signal.throwIfAborted();
      // nothing is asked meanwhile: behind a pool, an answer could bring the notification along
      await check.run(over.signal);
      connected = true;
      listening = true;
      options.onListening();
      works();
      let checkedAt = performance.now();
      for (;;) {
        await sleep(heartbeatMs, undefined, { ref: false, signal: over.signal });
        await beat();
        if (performance.now() - checkedAt < checkMs) continue;
        // one that cannot be sent proves nothing
        await check.run(over.signal).catch((error: Error) => {
          if (error instanceof NotReady || over.signal.aborted) throw error;
        });
        checkedAt = performance.now();
      }
    } catch (error) {
      fail(error as Error);
      throw over.signal.reason;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  };

  const connection = keepConnected({
    hold,
    longestPauseMs,
    onWorks: () => log.info('listening for changes of keys'),
    onFailed(error, again) {
      problem = explainDatabaseError(error);
      log[again ? 'debug' : 'warn'](
        { code: problem.code, sentence: problem.sentence, cause: causeOf(error) },
        'changes of keys do not arrive: each CONNECT asks',
      );
    },
  });

  return {
    get listening() {
      return listening;
    },
    get problem() {
      return listening ? null : problem;
    },
    stop: () => connection.stop(),
  };
}
