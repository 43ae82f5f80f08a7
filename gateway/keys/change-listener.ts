import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from 'pino';
import { readDatabaseUrl } from '../database/database-url.ts';
import { explainDatabaseTls } from '../database/tls-failure.ts';
import { askForTime, type DatabaseClock } from '../database-clock.ts';
import { keepConnected } from '../reconnecting.ts';

export interface ChangeListenerOptions {
  /** A direct or session-mode connection: a transaction pooler passes no notifications on. */
  databaseUrl: string;
  /** A key changed: its keyId. */
  onChange: (keyId: string) => void;
  /** From now on every change is heard. */
  onListening: () => void;
  /** From now on changes may be missed. */
  onLost: () => void;
  /** Measured over the connection, at each heartbeat. */
  clock: Pick<DatabaseClock, 'measure'>;
  log: Logger;
  /** How often a quiet connection is asked whether it lives, in ms. */
  heartbeatMs?: number;
  /** How long it may take to answer, in ms. */
  timeoutMs?: number;
}

export interface ChangeListener {
  readonly listening: boolean;
  stop(): Promise<void>;
}

const channel = 'proxy_key_changed';
const longestPauseMs = 2_000;

/**
 * Listens for key changes on a connection of its own, and begins again whenever it is lost. A
 * connection that is silently dead shows at the next heartbeat, which asks for the database's time.
 * Throws `DatabaseUrlError`.
 */
export function startChangeListener(options: ChangeListenerOptions): ChangeListener {
  const { clock, log, heartbeatMs = 5_000, timeoutMs = 3_000 } = options;
  const { url, ssl } = readDatabaseUrl(options.databaseUrl);
  let listening = false;

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
    let heard = false;
    const fail = (error: Error) => {
      over.abort(error);
      // what waits for an answer fails with it; a goodbye would wait for a dead peer
      client.connection.stream.destroy();
      // a connection may tell more than once of its end, and later than the next has begun
      if (!heard) return;
      heard = false;
      listening = false;
      options.onLost();
    };
    client.on('error', fail);
    client.on('end', () => fail(new Error('the connection ended')));
    client.on('notification', ({ payload }) => {
      if (payload) options.onChange(payload);
    });
    const stop = () => fail(new Error('stopped'));
    signal.addEventListener('abort', stop);
    try {
      await client.connect();
      over.signal.throwIfAborted();
      await client.query(`listen ${channel}`);
      over.signal.throwIfAborted();
      heard = true;
      listening = true;
      options.onListening();
      works();
      for (;;) {
        await clock.measure(() => askForTime(client));
        await sleep(heartbeatMs, undefined, { ref: false, signal: over.signal });
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
    onFailed(reason, again) {
      const { message } = reason as Error;
      log[again ? 'debug' : 'warn'](
        { reason: message, ...explainDatabaseTls(reason) },
        'changes of keys are not heard: each CONNECT asks',
      );
    },
  });

  return {
    get listening() {
      return listening;
    },
    stop: () => connection.stop(),
  };
}
