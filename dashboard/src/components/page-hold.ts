import { useEffect } from 'react';

// What cannot be shown again must not go away by the browser's way back, as a phone's edge is swiped.

/** The place in the router's history that must not be left. */
let held: number | undefined;

/** Holds the page where it is for as long as the component is there; leaving the site is asked about. */
export function useHeldPage(): void {
  useEffect(() => {
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    held = placeOf(history.state);
    addEventListener('beforeunload', ask);
    return () => {
      held = undefined;
      removeEventListener('beforeunload', ask);
    };
  }, []);
}

/** Lets pages be held. To be called before there is a router: it must not hear of a way that is undone. */
export function guardHistory(): void {
  addEventListener('popstate', (event) => {
    const place = placeOf(event.state);
    if (held === undefined || place === undefined || place === held) return;
    event.stopImmediatePropagation();
    history.go(held - place);
  });
}

/** Where the router's history has the entry of that state; undefined for an address that was typed. */
function placeOf(state: unknown): number | undefined {
  const place = typeof state === 'object' && state !== null && 'idx' in state && state.idx;
  return typeof place === 'number' ? place : undefined;
}
