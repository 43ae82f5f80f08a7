import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { NotReady, newReason } from './reason.ts';

/** The channel on which a gateway sends itself a word, to see that it arrives. */
export const checkChannel = 'proxy_gateway_check';

/** Sends a payload on `checkChannel`, over another connection than the one that listens. */
export type SendCheck = (payload: string) => Promise<unknown>;

/** Sends over a connection of `pool`. */
export function sendCheckWith(pool: pg.Pool): SendCheck {
  return (payload) => pool.query('select pg_notify($1, $2)', [checkChannel, payload]);
}

/** Proves that notifications arrive: a transaction-mode pool takes LISTEN, and passes none on. */
export class NotificationCheck {
  readonly #send: SendCheck;
  readonly #timeoutMs: number;
  #awaited: { payload: string; arrived: () => void } | null = null;

  /** `timeoutMs`: how long one may take to arrive, from when the database has it. */
  constructor(send: SendCheck, timeoutMs: number) {
    this.#send = send;
    this.#timeoutMs = timeoutMs;
  }

  /** A payload came on `checkChannel`: of this gateway or another. */
  arrived(payload: string | undefined): void {
    if (this.#awaited && payload === this.#awaited.payload) this.#awaited.arrived();
  }

  /**
   * Resolves once a payload that nobody can guess has arrived. Rejects with `NotReady` where it does
   * not, with the sender's error where it could not be sent, and when `signal` is aborted.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const payload = randomUUID();
    this.#awaited = { payload, arrived: resolve };
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    let timer: NodeJS.Timeout | undefined;
    const late = () => reject(new NotReady(newReason('transaction_pool')));
    this.#send(payload).then(() => {
      timer = setTimeout(late, this.#timeoutMs).unref();
    }, reject);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      this.#awaited = null;
    }
  }
}
