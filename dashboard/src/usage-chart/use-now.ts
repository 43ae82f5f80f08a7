import { useSyncExternalStore } from 'react';

/** The steps in which a page follows the clock, in milliseconds. */
export const moment = 5_000;
export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

/** The start of the current step (UTC), in milliseconds since the epoch. Updates by itself. */
export function useNow(step: typeof moment | typeof minute | typeof hour | typeof day): number {
  return useSyncExternalStore(subscribe, () => Math.floor(Date.now() / step) * step);
}

// a single timer to the next step would be late after the machine sleeps
function subscribe(look: () => void): () => void {
  const timer = setInterval(look, moment);
  document.addEventListener('visibilitychange', look);
  return () => {
    clearInterval(timer);
    document.removeEventListener('visibilitychange', look);
  };
}
