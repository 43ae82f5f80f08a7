import { setTimeout as sleep } from 'node:timers/promises';

export interface ReconnectingOptions {
  /**
   * Connects, calls `works` once the connection is usable, and rejects with the reason when it is
   * lost or never worked; at once when `signal` is aborted.
   */
  hold: (signal: AbortSignal, works: () => void) => Promise<never>;
  /** The connection works. `again`: a failure was reported before. */
  onWorks: (again: boolean) => void;
  /** It was lost, or could not be made. `again`: it has not worked since the last report. */
  onFailed: (reason: unknown, again: boolean) => void;
  /** The longest pause between two attempts, in ms. */
  longestPauseMs: number;
}

/** A connection that reconnects whenever it is lost. */
export interface Reconnecting {
  /** Ends the connection and the attempts, without a report. Resolves when both have ended. */
  stop(): Promise<void>;
}

const firstPauseMs = 100;
/** After a connection that lasted this long, in ms, the first pause is the shortest again. */
const goodMs = 10_000;

/** Keeps a connection open. Pauses between retries double, with jitter to spread gateways out. */
export function keepConnected(options: ReconnectingOptions): Reconnecting {
  const { hold, onWorks, onFailed, longestPauseMs } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let failed = false;
  const works = () => {
    const again = failed;
    failed = false;
    onWorks(again);
  };

  const run = async () => {
    let pauseMs = firstPauseMs;
    while (!signal.aborted) {
      const startedAt = performance.now();
      await hold(signal, works).catch((reason: unknown) => {
        if (signal.aborted) return;
        const again = failed;
        failed = true;
        onFailed(reason, again);
      });
      if (performance.now() - startedAt > goodMs) pauseMs = firstPauseMs;
      const pause = sleep(pauseMs * (0.5 + Math.random() / 2), undefined, { signal, ref: false });
      await pause.catch(() => {});
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  };
  const running = run();

  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
