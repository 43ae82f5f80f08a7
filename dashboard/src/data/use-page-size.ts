import { useSyncExternalStore } from 'react';

// where tables have columns; below, each row is a card
const columns = matchMedia('(width >= 700px)');

/** How many rows a page of a list has: few where each of them is a card. */
export function usePageSize(): number {
  return useSyncExternalStore(subscribe, () => (columns.matches ? 50 : 10));
}

function subscribe(look: () => void): () => void {
  columns.addEventListener('change', look);
  return () => columns.removeEventListener('change', look);
}
