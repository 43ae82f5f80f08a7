import { setTimeout as sleep } from 'node:timers/promises';

export interface ReconnectingOptions {
  /**
   * Connects, calls `works` once the connection does what it is for, and rejects with the reason when
   * it is lost or never worked; without delay when `signal` is aborted.
   */
  hold: (signal: AbortSignal, works: () => void) => Promise<never>;
  /** The connection works. `again`: a failure was reported before. */
  onWorks: (again: boolean) => void;
  /** It was lost, or did not come about. `again`: it has not worked since this was last reported. */
  onFailed: (reason: unknown, again: boolean) => void;
  /** The longest pause between two attempts, in ms. */
  longestPauseMs: number;
}

/** A connection that is made again whenever it is lost. */
export interface Reconnecting {
  /** Ends the connection and the attempts, without a report. Resolves when nothing is left of them. */
  stop(): Promise<void>;
}

const firstPauseMs = 100;
/** A connection that held for this long begins with the shortest pause again, in ms. */
const goodMs = 10_000;

/** Holds a connection. The pauses between attempts double, and vary so that gateways spread out. */
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
      const begun = performance.now();
      await hold(signal, works).catch((reason: unknown) => {
        if (signal.aborted) return;
        const again = failed;
        failed = true;
        onFailed(reason, again);
      });
      if (performance.now() - begun > goodMs) pauseMs = firstPauseMs;
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
