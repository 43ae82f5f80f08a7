import type { Logger } from 'pino';

/** How many keys a log line names. */
const named = 5;

/**
 * Logs the keys that moved most bytes, once per `everyMs` in which any did: a metric with a label
 * per key would grow without bound. Keys are named as in the database, by `apiKeyId`.
 */
export class BusiestKeys {
  readonly #log: Pick<Logger, 'info'>;
  readonly #now: () => number;
  readonly #everyMs: number;
  readonly #bytes = new Map<string, number>();
  #startedAt: number;

  /** `now`: monotonic, in ms. */
  constructor(options: { log: Pick<Logger, 'info'>; now: () => number; everyMs?: number }) {
    this.#log = options.log;
    this.#now = options.now;
    this.#everyMs = options.everyMs ?? 60_000;
    this.#startedAt = options.now();
  }

  /** `bytes`: how many moved since the last call, in both directions. */
  add(apiKeyId: string, bytes: number): void {
    this.#bytes.set(apiKeyId, (this.#bytes.get(apiKeyId) ?? 0) + bytes);
  }

  /** Logs if it is time. Called often. */
  sweep(): void {
    if (this.#now() - this.#startedAt < this.#everyMs) return;
    this.#startedAt = this.#now();
    if (this.#bytes.size === 0) return;
    const busiest = [...this.#bytes]
      .sort(([, a], [, b]) => b - a)
      .slice(0, named)
      .map(([apiKeyId, bytes]) => ({ apiKeyId, bytes }));
    this.#log.info({ keys: this.#bytes.size, busiest }, 'busiest keys');
    this.#bytes.clear();
  }
}
