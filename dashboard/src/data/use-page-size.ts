import { useSyncExternalStore } from 'react';

// from this width on, tables have columns; below, each row is a card
const columns = matchMedia('(width >= 700px)');

/** The number of rows per page of a list: `wide` if rows have columns, fewer if each row is a card. */
export function usePageSize(wide = 50): number {
  return useSyncExternalStore(subscribe, () => (columns.matches ? wide : 10));
}

function subscribe(look: () => void): () => void {
  columns.addEventListener('change', look);
  return () => columns.removeEventListener('change', look);
}
