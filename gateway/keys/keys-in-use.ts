import type { Logger } from 'pino';
import type { QuotaLedger } from '../limits/quota-ledger.ts';
import type { ClientRanges } from './client-ranges.ts';
import type { KeyCache, KeyEntry } from './key-cache.ts';
import { hasExpired, inService } from './key-state.ts';

/** Which tunnels of a key are to be closed, and why. */
export interface ClosingOrder {
  reason: string;
  /** Only tunnels of clients outside these ranges; without it, all tunnels. */
  outside?: ClientRanges;
}

/** What holds tunnels: this process, or a worker. */
export interface TunnelHolder {
  closeTunnels(keyId: string, order: ClosingOrder): void;
}

export interface KeysInUseOptions {
  keys: KeyCache;
  ledger: QuotaLedger;
  log: Pick<Logger, 'debug'>;
  /** The clock of `keys`. */
  now: () => number;
}

/** How often the state of a key in use is looked up again, in ms. */
const recheckMs = 10_000;
/** How soon it is looked up again if there was no answer, in ms. */
const retryMs = 1_000;
/** How many keys one sweep may look up. */
const rechecksPerSweep = 100;
/** A figure no older than this is not fetched again before a tunnel is closed for quota, in ms. */
const freshMs = 1_000;
/** A mark that no key has: a request judged by an older entry is judged again. */
const outdated = -1;

interface KeyInUse {
  /** Requests that are being connected, and open tunnels. */
  held: Map<TunnelHolder, number>;
  /** The sum of `held`. */
  count: number;
  /** The entry that its tunnels were last judged by. */
  judgedBy: KeyEntry;
  /** How often the key changed, or may have. */
  changes: number;
  checking: boolean;
  /** When its state is next looked up. */
  dueAt: number;
  /** No lookup before this time, as the last one had no answer. */
  restsUntil: number;
}

/**
 * The keys that have tunnels, open or being connected, over all holders. Tunnels are counted
 * against their key's limit, and each key is judged again until its last tunnel is closed.
 */
export class KeysInUse {
  readonly #options: KeysInUseOptions;
  readonly #byKey = new Map<string, KeyInUse>();

  constructor(options: KeysInUseOptions) {
    this.#options = options;
  }

  /** How many keys are in use. */
  get size(): number {
    return this.#byKey.size;
  }

  /** How many tunnels a key has, open and being connected. */
  countOf(keyId: string): number {
    return this.#byKey.get(keyId)?.count ?? 0;
  }

  /**
   * Counts one more tunnel of the entry's key, and returns a mark for `opened`; null if the key is
   * at its limit.
   */
  take(holder: TunnelHolder, keyId: string, entry: KeyEntry): number | null {
    const key = this.#byKey.get(keyId) ?? {
      held: new Map(),
      count: 0,
      judgedBy: entry,
      changes: 0,
      checking: false,
      dueAt: this.#options.now() + recheckMs,
      restsUntil: Number.NEGATIVE_INFINITY,
    };
    if (key.count >= (entry.record?.tunnelLimit ?? 0)) return null;
    this.#byKey.set(keyId, key);
    key.held.set(holder, (key.held.get(holder) ?? 0) + 1);
    key.count += 1;
    if (entry.askedAt > key.judgedBy.askedAt) key.judgedBy = entry;
    // the key may have changed while its rate was checked
    return this.#options.keys.peek(keyId) === entry ? key.changes : outdated;
  }

  /** A counted tunnel is open, and can be closed: a key that changed meanwhile is judged again. */
  opened(keyId: string, mark: number): void {
    if (this.#byKey.get(keyId)?.changes !== mark) this.changed(keyId);
  }

  /** A counted tunnel has ended. */
  release(holder: TunnelHolder, keyId: string): void {
    this.#release(holder, keyId, 1);
  }

  /** Releases all tunnels of a holder that is gone. */
  forget(holder: TunnelHolder): void {
    for (const [keyId, { held }] of this.#byKey)
      this.#release(holder, keyId, held.get(holder) ?? 0);
  }

  #release(holder: TunnelHolder, keyId: string, tunnels: number): void {
    const key = this.#byKey.get(keyId);
    const held = key?.held.get(holder);
    if (!key || held === undefined) return;
    if (held > tunnels) key.held.set(holder, held - tunnels);
    else key.held.delete(holder);
    key.count -= Math.min(held, tunnels);
    if (key.count === 0) this.#byKey.delete(keyId);
  }

  /** A key changed: its tunnels that are no longer allowed are closed. */
  changed(keyId: string): void {
    const key = this.#byKey.get(keyId);
    if (!key) return;
    this.#expectChange(key);
    // a check under way may use an older answer: the sweep asks again
    void this.#check(keyId, key);
  }

  /** Changes may have been missed: the next sweeps look up every key in use. */
  recheckAll(): void {
    for (const key of this.#byKey.values()) this.#expectChange(key);
  }

  #expectChange(key: KeyInUse): void {
    key.changes += 1;
    key.dueAt = Number.NEGATIVE_INFINITY;
    key.restsUntil = Number.NEGATIVE_INFINITY;
  }

  /** Judges the keys that are due, have expired, or have used up their quota. Called often. */
  sweep(): void {
    const { keys, ledger, now } = this.#options;
    const at = now();
    let rechecks = 0;
    const due: [keyId: string, key: KeyInUse][] = [];
    for (const [keyId, key] of this.#byKey) {
      if (key.checking || at < key.restsUntil) continue;
      if (!hasExpired(key.judgedBy, at)) {
        if (rechecks >= rechecksPerSweep) continue;
        const known = keys.peek(keyId);
        if (at < key.dueAt && !(known && ledger.usedUp(known))) continue;
        rechecks += 1;
      }
      due.push([keyId, key]);
    }
    for (const [keyId, key] of due) {
      // to the end of the queue, so that each key has its turn
      this.#byKey.delete(keyId);
      this.#byKey.set(keyId, key);
      void this.#check(keyId, key);
    }
  }

  async #check(keyId: string, key: KeyInUse): Promise<void> {
    const { keys, ledger, log, now } = this.#options;
    if (key.checking) return;
    key.checking = true;
    const { changes } = key;
    const close = (order: ClosingOrder) => {
      for (const holder of key.held.keys()) holder.closeTunnels(keyId, order);
    };
    try {
      let known = await keys.get(keyId);
      if (ledger.usedUp(known)) known = await keys.refresh(keyId, freshMs);
      if (known.uncertain) throw new Error('the database did not answer');
      key.judgedBy = known;
      const { record } = known;
      if (record === null || !inService(known, now())) close({ reason: 'key out of service' });
      else if (ledger.usedUp(known)) close({ reason: 'quota used up' });
      else if (record.allowedIps.length > 0) {
        close({ reason: 'address not allowed', outside: record.allowedIps });
      }
      // a change in between still has to be judged
      if (key.changes === changes) key.dueAt = now() + recheckMs;
    } catch (error) {
      // open tunnels survive an outage of the database, as no change is known; they do not survive
      // a known expiry. Their keys are looked up when it is back.
      key.restsUntil = now() + retryMs;
      if (hasExpired(key.judgedBy, now())) close({ reason: 'key out of service' });
      log.debug({ keyId, reason: (error as Error).message }, 'state of a key unknown');
    } finally {
      key.checking = false;
    }
  }
}
