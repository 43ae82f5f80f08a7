import { useSyncExternalStore } from 'react';

/** The lengths of time that a page follows the clock by, in milliseconds. */
export const moment = 5_000;
export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

/** The beginning of the step it is now (UTC), in milliseconds since the epoch. Rolls over by itself. */
export function useNow(step: typeof moment | typeof minute | typeof hour | typeof day): number {
  return useSyncExternalStore(subscribe, () => Math.floor(Date.now() / step) * step);
}

// one timer up to the next step would be late after a sleep of the machine
function subscribe(look: () => void): () => void {
  const timer = setInterval(look, moment);
  document.addEventListener('visibilitychange', look);
  return () => {
    clearInterval(timer);
    document.removeEventListener('visibilitychange', look);
  };
}
