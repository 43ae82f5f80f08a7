import { setTimeout as sleep } from 'node:timers/promises';

/** A gateway's last time: it serves, and says that it is leaving, so that load balancers look away. */
export class LameDuck {
  readonly #lengthMs: number;
  #begun = false;
  #over = false;

  /** `lengthMs`: how long it lasts; 0 for not at all. */
  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs;
  }

  /** Whether the gateway is leaving, also after this time. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Whether nothing more is to be served. */
  get over(): boolean {
    return this.#over;
  }

  /** Begins, and resolves when it is over: at once when `hurry` is aborted. */
  async wait(hurry?: AbortSignal): Promise<void> {
    this.#begun = true;
    // the process is to wait for it
    if (this.#lengthMs > 0)
      await sleep(this.#lengthMs, undefined, { signal: hurry }).catch(() => {});
    this.#over = true;
  }
}
