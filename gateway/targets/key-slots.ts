interface Key {
  /** The names under way, each with the number of callers that wait for it. */
  underWay: Map<string, number>;
  /** The callers that wait for a slot, by name, in the order in which the names came. */
  waiting: Map<string, Set<() => void>>;
}

/**
 * Limits how many names each key has under way at once. Further names of a key wait in order, so
 * that a key with silent names delays only itself. Callers for one name share its slot.
 */
export class KeySlots {
  readonly #perKey: number;
  readonly #keys = new Map<string, Key>();

  constructor(perKey: number) {
    this.#perKey = perKey;
  }

  /** How many keys have a name under way. */
  get size(): number {
    return this.#keys.size;
  }

  /**
   * Waits for a slot. Resolves with a function that releases it, to be called once; rejects with
   * the signal's reason when that is aborted.
   */
  async enter(keyId: string, name: string, signal: AbortSignal): Promise<() => void> {
    const key = this.#keys.get(keyId) ?? { underWay: new Map(), waiting: new Map() };
    this.#keys.set(keyId, key);
    if (key.underWay.has(name) || key.underWay.size < this.#perKey) {
      key.underWay.set(name, (key.underWay.get(name) ?? 0) + 1);
    } else {
      await this.#wait(key, name, signal);
    }
    return () => this.#leave(keyId, key, name);
  }

  #wait(key: Key, name: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const callers = key.waiting.get(name) ?? new Set();
    key.waiting.set(name, callers);
    const abort = () => {
      callers.delete(go);
      if (callers.size === 0) key.waiting.delete(name);
      reject(signal.reason);
    };
    const go = () => {
      signal.removeEventListener('abort', abort);
      resolve();
    };
    callers.add(go);
    signal.addEventListener('abort', abort, { once: true });
    return promise;
  }

  #leave(keyId: string, key: Key, name: string): void {
    const left = (key.underWay.get(name) ?? 1) - 1;
    if (left > 0) {
      key.underWay.set(name, left);
      return;
    }
    key.underWay.delete(name);
    const [next] = key.waiting;
    if (next) {
      const [nextName, callers] = next;
      key.waiting.delete(nextName);
      // counted before they continue, so that no one else takes the slot
      key.underWay.set(nextName, callers.size);
      for (const go of callers) go();
    } else if (key.underWay.size === 0) {
      this.#keys.delete(keyId);
    }
  }
}
