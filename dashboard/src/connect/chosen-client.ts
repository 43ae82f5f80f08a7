import { useSyncExternalStore } from 'react';
import { type ClientId, isClientId } from './snippets.ts';

const storageKey = 'proxy-keys-client';
const listeners = new Set<() => void>();

/** The client that was last chosen in this browser tab (curl by default), and a function to choose one. */
export function useChosenClient(): [ClientId, (id: ClientId) => void] {
  return [useSyncExternalStore(subscribe, storedClient), chooseClient];
}

function storedClient(): ClientId {
  const stored = sessionStorage.getItem(storageKey);
  return isClientId(stored) ? stored : 'curl';
}

function chooseClient(id: ClientId): void {
  sessionStorage.setItem(storageKey, id);
  for (const listener of listeners) listener();
}

/** A dialog and the page behind it both show the choice, so both subscribe. */
function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
