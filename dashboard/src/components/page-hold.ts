import { useEffect } from 'react';

// A secret that is shown once must not disappear through the browser's back button or a phone's swipe.

declare global {
  interface Window {
    /** A part of the Navigation API that TypeScript does not have yet. */
    navigation?: { currentEntry: { key: string } | null; traverseTo(key: string): unknown };
  }
}

/** The entry of the browser's history that must not be left. */
let held: string | undefined;

/** Blocks navigation while the component is mounted; leaving the site needs a confirmation. */
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

/**
 * Enables held pages. Call it before the router starts: the router must not see a navigation that is
 * undone.
 */
export function guardHistory(): void {
  addEventListener('popstate', (event) => {
    if (held === undefined || held === currentEntry()) return;
    event.stopImmediatePropagation();
    if (window.navigation) window.navigation.traverseTo(held);
    else history.forward();
  });
}

/** The browser's key of the history entry. Older browsers have none; there only going back is undone. */
function currentEntry(): string {
  return window.navigation?.currentEntry?.key ?? location.href;
}
