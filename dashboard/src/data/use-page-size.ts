import { useSyncExternalStore } from 'react';

// where tables have columns; below, each row is a card
const columns = matchMedia('(width >= 700px)');

/** How many rows a page of a list has: few where each of them is a card. `wide`: where they have columns. */
export function usePageSize(wide = 50): number {
  return useSyncExternalStore(subscribe, () => (columns.matches ? wide : 10));
}

function subscribe(look: () => void): () => void {
  columns.addEventListener('change', look);
  return () => columns.removeEventListener('change', look);
}
