import { useSyncExternalStore } from 'react';
import { type ClientId, isClientId } from './snippets.ts';

const storageKey = 'proxy-keys-client';
const listeners = new Set<() => void>();

/** The client that was chosen last in this tab of the browser, at first curl; and how to choose one. */
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

/** A dialog and the page behind it both show the choice. */
function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
