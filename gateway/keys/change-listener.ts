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
  /** A direct or session-mode connection: a transaction pooler delivers no notifications. */
  databaseUrl: string;
  /** Called with the keyId of a key that changed. */
  onChange: (keyId: string) => void;
  /** From now on every change arrives. */
  onListening: () => void;
  /** From now on changes may be missed. */
  onLost: () => void;
  /** Sends the notification that must arrive here before keys are cached. */
  sendCheck: SendCheck;
  /** Measured over the connection, at each heartbeat. */
  clock: Pick<DatabaseClock, 'measure' | 'now'>;
  /** Called with the state of the schema, at each heartbeat. */
  onSchema?: (schema: DatabaseState['schema']) => void;
  log: Logger;
  /** How often a quiet connection is checked, in ms. */
  heartbeatMs?: number;
  /** How long an answer, or a notification, may take, in ms. */
  timeoutMs?: number;
  /** How often to check that notifications arrive, in ms: as long as a cached key is valid. */
  checkMs?: number;
}

export interface ChangeListener {
  /** Whether notifications of changes arrive, as a check has proved. */
  readonly listening: boolean;
  /** Why they do not; null while they do. */
  readonly problem: Reason | null;
  stop(): Promise<void>;
}

/** The log message of each change: after a restore, `maintain` reads these lines. */
export const keyChanged = 'a key changed';

const channel = 'proxy_key_changed';
const longestPauseMs = 2_000;

/**
 * Listens for key changes on its own connection, and reconnects when it is lost. The next
 * heartbeat, which asks for the database's time, detects a connection that died silently; the next
 * check detects one that delivers no notifications. Throws `DatabaseUrlError`.
 */
export function startChangeListener(options: ChangeListenerOptions): ChangeListener {
  const { clock, log, heartbeatMs = 5_000, timeoutMs = 3_000, checkMs = keyMaxAgeMs } = options;
  const { url, ssl } = readDatabaseUrl(options.databaseUrl);
  let listening = false;
  let problem: Reason = newReason('starting');

  const changed = (payload: string) => {
    // any gateway's login can send anything on this channel
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
    if (!state) throw new Error('the clock was not measured');
    return state;
  };

  /** Listens until the connection is lost; throws the reason. */
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
      // pending queries fail with it; a clean close would wait for a dead peer
      client.connection.stream.destroy();
      // a connection may report its end more than once, and after the next one has started
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
      // no query runs meanwhile: behind a pool, its answer could bring the notification along
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
        // a check that cannot be sent proves nothing
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
    onWorks: () => log.info('listening for key changes'),
    onFailed(error, again) {
      problem = explainDatabaseError(error);
      log[again ? 'debug' : 'warn'](
        { code: problem.code, sentence: problem.sentence, cause: causeOf(error) },
        'key changes do not arrive: each CONNECT asks the database',
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
