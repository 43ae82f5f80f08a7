import { setTimeout as sleep } from 'node:timers/promises';
import { sendConnect } from '../gateway/tunnels.ts';

/** A client that sends one CONNECT after another to a proxy until it is stopped. */
export interface Hammer {
  /** CONNECTs that were accepted, and when the last of them was begun. */
  readonly accepted: { count: number; last: number };
  /** How many have been refused since the last that was accepted. */
  readonly refusedInARow: number;
  /** Resolves when its last CONNECT is answered. */
  stop(): Promise<void>;
}

/** Hammers a proxy with one CONNECT. */
export function hammer(proxyPort: number, request: string): Hammer {
  let accepted = { count: 0, last: Number.NEGATIVE_INFINITY };
  let refusedInARow = 0;
  let stopped = false;
  const run = async () => {
    while (!stopped) {
      const begun = performance.now();
      const { status, socket } = await sendConnect(proxyPort, request);
      socket.destroy();
      if (status === 200) {
        accepted = { count: accepted.count + 1, last: begun };
        refusedInARow = 0;
      } else {
        refusedInARow += 1;
      }
    }
  };
  const running = run();
  // who waits for it sees it fail
  running.catch(() => {});
  return {
    get accepted() {
      return accepted;
    },
    get refusedInARow() {
      return refusedInARow;
    },
    stop() {
      stopped = true;
      return running;
    },
  };
}

/** Waits until `condition` holds of all, or fails after `limitMs`. */
export async function until(
  condition: () => boolean,
  limitMs: number,
  signal: AbortSignal,
): Promise<void> {
  const limit = performance.now() + limitMs;
  while (!condition()) {
    signal.throwIfAborted();
    if (performance.now() > limit) throw new Error(`it did not come about in ${limitMs} ms`);
    await sleep(1);
  }
}
