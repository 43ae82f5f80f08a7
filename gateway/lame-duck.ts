import { setTimeout as sleep } from 'node:timers/promises';

/** A gateway's last time: it serves, and says that it is leaving, so that load balancers look away. */
export class LameDuck {
  readonly #lengthMs: number;
  readonly #lastRequestsMs: number;
  #begun = false;
  #over = false;

  /**
   * `lengthMs`: how long it lasts; 0 for not at all. `lastRequestsMs`: how long clients that had
   * connected by then are served after it.
   */
  constructor(lengthMs: number, lastRequestsMs: number) {
    this.#lengthMs = lengthMs;
    this.#lastRequestsMs = lastRequestsMs;
  }

  /** Whether the gateway is leaving, also after this time. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Whether nothing more is to be served. */
  get over(): boolean {
    return this.#over;
  }

  /** Begins, and resolves when the port is to close: at once when `hurry` is aborted. */
  async wait(hurry?: AbortSignal): Promise<void> {
    this.#begun = true;
    // the process is to wait for it
    if (this.#lengthMs > 0)
      await sleep(this.#lengthMs, undefined, { signal: hurry }).catch(() => {});
    const end = () => {
      this.#over = true;
    };
    if (this.#lastRequestsMs === 0) end();
    else setTimeout(end, this.#lastRequestsMs).unref();
  }
}
