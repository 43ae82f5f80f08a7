import { useEffect } from 'react';

// What cannot be shown again must not go away by the browser's way back, as a phone's edge is swiped.

declare global {
  interface Window {
    /** A part of the Navigation API, which TypeScript does not know yet. */
    navigation?: { currentEntry: { key: string } | null; traverseTo(key: string): unknown };
  }
}

/** The entry of the browser's history that must not be left. */
let held: string | undefined;

/** Holds the page where it is for as long as the component is there; leaving the site is asked about. */
export function useHeldPage(): void {
  useEffect(() => {
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    held = currentEntry();
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
    if (held === undefined || held === currentEntry()) return;
    event.stopImmediatePropagation();
    if (window.navigation) window.navigation.traverseTo(held);
    else history.forward();
  });
}

/** The browser's key of the entry; older browsers have none, and there the way back alone is undone. */
function currentEntry(): string {
  return window.navigation?.currentEntry?.key ?? location.href;
}
