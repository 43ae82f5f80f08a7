import type { Logger } from 'pino';
import type { QuotaLedger } from '../limits/quota-ledger.ts';
import type { ClientRanges } from './client-ranges.ts';
import type { KeyCache, KeyEntry } from './key-cache.ts';
import { hasExpired, inService } from './key-state.ts';

/** Which tunnels of a key are to be closed, and why. */
export interface ClosingOrder {
  reason: string;
  /** Only those whose client is outside these ranges; all without it. */
  outside?: ClientRanges;
}

/** Where tunnels are: this process, or a worker. */
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

/** How long a key in use goes on before its state is asked for again, in ms. */
const recheckMs = 10_000;
/** How long until it is asked for again when there was no answer, in ms. */
const retryMs = 1_000;
/** Keys whose state one sweep may ask for. */
const rechecksPerSweep = 100;
/** A figure this fresh is not asked for again before a tunnel is cut for its quota, in ms. */
const freshMs = 1_000;
/** A mark that no key has: what was judged by something older is judged again. */
const outdated = -1;

interface KeyInUse {
  /** Requests that are being connected, and open tunnels. */
  held: Map<TunnelHolder, number>;
  /** The sum of `held`. */
  count: number;
  /** What its tunnels were last judged by. */
  judgedBy: KeyEntry;
  /** How often the key changed, or may have. */
  changes: number;
  checking: boolean;
  /** When its state is asked for again. */
  dueAt: number;
  /** Not before this, as there was no answer. */
  restsUntil: number;
}

/**
 * The keys that have tunnels open, or are being connected, over all holders: counted against each
 * key's limit, and judged again until the last tunnel is closed.
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
   * Counts one more tunnel of the entry's key, unless it has as many as it may: then gives null. Gives
   * a mark for `opened`.
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
    // the key may have changed while its rate was asked for
    return this.#options.keys.peek(keyId) === entry ? key.changes : outdated;
  }

  /** A tunnel that was taken is open, and can be closed: a key that changed meanwhile is judged. */
  opened(keyId: string, mark: number): void {
    if (this.#byKey.get(keyId)?.changes !== mark) this.changed(keyId);
  }

  /** One that was taken is over. */
  release(holder: TunnelHolder, keyId: string): void {
    this.#release(holder, keyId, 1);
  }

  /** A holder is gone, and all that it had. */
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

  /** A key changed: those of its tunnels that may not go on are closed. */
  changed(keyId: string): void {
    const key = this.#byKey.get(keyId);
    if (!key) return;
    this.#expectChange(key);
    // a check under way goes on with an answer from before: the sweep asks again
    void this.#check(keyId, key);
  }

  /** Changes may have been missed: the coming sweeps ask for every key in use. */
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
      // to the end of the queue: however many keys are in use, each has its turn
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
      // a change in between is still to be seen to
      if (key.changes === changes) key.dueAt = now() + recheckMs;
    } catch (error) {
      // tunnels that are open outlive a database that is away, as nobody knows of a change; an end
      // that is known they do not. They are asked for when it is back.
      key.restsUntil = now() + retryMs;
      if (hasExpired(key.judgedBy, now())) close({ reason: 'key out of service' });
      log.debug({ keyId, reason: (error as Error).message }, 'state of a key unknown');
    } finally {
      key.checking = false;
    }
  }
}
