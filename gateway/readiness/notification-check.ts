import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { NotReady, newReason } from './reason.ts';

/** The channel on which a gateway sends itself a notification, to check that it arrives. */
export const checkChannel = 'proxy_gateway_check';

/** Sends a payload on `checkChannel`, over a different connection from the one that listens. */
export type SendCheck = (payload: string) => Promise<unknown>;

/** Sends over a connection of `pool`. */
export function sendCheckWith(pool: pg.Pool): SendCheck {
  return (payload) => pool.query('select pg_notify($1, $2)', [checkChannel, payload]);
}

/** Proves that notifications arrive: a transaction-mode pool accepts LISTEN, but delivers none. */
export class NotificationCheck {
  readonly #send: SendCheck;
  readonly #timeoutMs: number;
  #awaited: { payload: string; arrived: () => void } | null = null;

  /** `timeoutMs`: how long a notification may take to arrive once the database has it. */
  constructor(send: SendCheck, timeoutMs: number) {
    this.#send = send;
    this.#timeoutMs = timeoutMs;
  }

  /** A payload arrived on `checkChannel`, from this gateway or another. */
  arrived(payload: string | undefined): void {
    if (this.#awaited && payload === this.#awaited.payload) this.#awaited.arrived();
  }

  /**
   * Resolves once an unguessable payload has arrived. Rejects with `NotReady` if it does not
   * arrive, with the sender's error if it could not be sent, and when `signal` is aborted.
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
