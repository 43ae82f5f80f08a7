import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from 'pino';

export interface ChangeListenerOptions {
  /** A direct or session-mode connection: a transaction pooler passes no notifications on. */
  databaseUrl: string;
  /** A key changed: its keyId. */
  onChange: (keyId: string) => void;
  /** From now on every change is heard. */
  onListening: () => void;
  /** From now on changes may be missed. */
  onLost: () => void;
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
 * connection that is silently dead shows at the next heartbeat.
 */
export function startChangeListener(options: ChangeListenerOptions): ChangeListener {
  const { databaseUrl, log, heartbeatMs = 5_000, timeoutMs = 3_000 } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let listening = false;

  const lose = (reason: string) => {
    if (!listening) return;
    listening = false;
    options.onLost();
    if (!signal.aborted) log.warn({ reason }, 'changes of keys are not heard: each CONNECT asks');
  };

  /** Listens until the connection is lost; throws why. */
  const listen = async (): Promise<never> => {
    const client = new pg.Client({
      connectionString: databaseUrl,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      keepAlive: true,
      application_name: 'proxy_gateway listener',
    });
    const lost = Promise.withResolvers<never>();
    lost.promise.catch(() => {});
    const fail = (error: Error) => {
      lose(error.message);
      lost.reject(error);
    };
    client.on('error', fail);
    client.on('end', () => fail(new Error('the connection ended')));
    client.on('notification', ({ payload }) => {
      if (payload) options.onChange(payload);
    });
    const stop = () => fail(new Error('stopped'));
    signal.addEventListener('abort', stop);
    try {
      await Promise.race([client.connect(), lost.promise]);
      await Promise.race([client.query(`listen ${channel}`), lost.promise]);
      listening = true;
      options.onListening();
      log.info('listening for changes of keys');
      for (;;) {
        await Promise.race([sleep(heartbeatMs, undefined, { ref: false }), lost.promise]);
        await Promise.race([client.query('select'), lost.promise]);
      }
    } catch (error) {
      fail(error as Error);
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
      // a dead peer never answers a goodbye
      client.connection.stream.destroy();
    }
  };

  const run = async () => {
    let pauseMs = 100;
    while (!signal.aborted) {
      const begun = performance.now();
      await listen().catch((error: Error) => log.debug({ reason: error.message }, 'not listening'));
      if (performance.now() - begun > 10_000) pauseMs = 100;
      await sleep(pauseMs * (0.5 + Math.random() / 2), undefined, { signal, ref: false }).catch(
        () => {},
      );
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  };
  const running = run();

  return {
    get listening() {
      return listening;
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
