import { LRUCache } from 'lru-cache';
import type { KeyRecord, LookUpKey } from './key-lookup.ts';

/** How long a gateway may use what it has looked up of a key, in ms. */
export const keyMaxAgeMs = 30_000;

/** What was looked up, and when. */
export interface KeyEntry {
  /** Null for a keyId that the database does not know. */
  record: KeyRecord | null;
  /** When the lookup started, on the cache's clock: the record may be this old. */
  askedAt: number;
  /** Neither the database nor its notifications can be reached: the key may have changed since. */
  uncertain?: true;
}

/** The database gave no answer in time, or too many lookups are waiting for one. */
export class LookupFailed extends Error {}

export interface KeyCacheOptions {
  lookUp: LookUpKey;
  /** Monotonic, in ms. */
  now: () => number;
  /** How many keys are kept; the least recently used is dropped first. */
  maxKeys?: number;
  /** Unknown keyIds are kept separately, so that a flood of made-up ones evicts no real key. */
  maxUnknown?: number;
  /** Lookups that may be under way at once. */
  maxLookups?: number;
}

interface Lookup {
  answer: Promise<KeyEntry>;
  /** The key changed, or may have, during the lookup: the answer may be from before the change. */
  outdated: boolean;
}

/**
 * Keys by keyId, each kept for at most 30 s from the start of its lookup. Until the cache is
 * switched on, the database is asked each time: without notifications, a kept key is used only if
 * the database does not answer either.
 */
export class KeyCache {
  readonly #options: Required<KeyCacheOptions>;
  readonly #known: LRUCache<string, KeyEntry>;
  readonly #unknown: LRUCache<string, KeyEntry>;
  readonly #lookups = new Map<string, Lookup>();
  /** Lookups that have not ended, including those that no longer count. */
  #underWay = 0;
  #on = false;
  /** For metrics: how requests for a key were answered, by result. */
  readonly counts = { hit: 0, miss: 0, failed: 0 };

  constructor(options: KeyCacheOptions) {
    this.#options = { maxKeys: 100_000, maxUnknown: 10_000, maxLookups: 1_000, ...options };
    this.#known = new LRUCache({ max: this.#options.maxKeys });
    this.#unknown = new LRUCache({ max: this.#options.maxUnknown });
  }

  get on(): boolean {
    return this.#on;
  }

  get size(): { known: number; unknown: number } {
    return { known: this.#known.size, unknown: this.#unknown.size };
  }

  /** From here on the caller gets every change. Kept keys may have missed some, and are dropped. */
  switchOn(): void {
    this.#dropLookups();
    this.#known.clear();
    this.#unknown.clear();
    this.#on = true;
  }

  /** The caller may miss changes: from here on no kept key saves a lookup. */
  switchOff(): void {
    this.#dropLookups();
    this.#on = false;
  }

  /** A key changed: its kept entry, and a lookup under way, no longer count. */
  drop(keyId: string): void {
    this.#known.delete(keyId);
    this.#unknown.delete(keyId);
    const lookup = this.#lookups.get(keyId);
    if (lookup) lookup.outdated = true;
    this.#lookups.delete(keyId);
  }

  #dropLookups(): void {
    for (const lookup of this.#lookups.values()) lookup.outdated = true;
    this.#lookups.clear();
  }

  /** The kept entry of a key, if it is still valid as far as is known. */
  peek(keyId: string): KeyEntry | undefined {
    return this.#on ? this.#kept(keyId) : undefined;
  }

  #kept(keyId: string): KeyEntry | undefined {
    const entry = this.#known.get(keyId) ?? this.#unknown.get(keyId);
    return entry && this.#age(entry) <= keyMaxAgeMs ? entry : undefined;
  }

  /** The kept entry of a key, else the database's answer. Rejects with `LookupFailed`. */
  get(keyId: string): KeyEntry | Promise<KeyEntry> {
    const kept = this.peek(keyId);
    if (kept) {
      this.counts.hit += 1;
      return kept;
    }
    this.counts.miss += 1;
    return this.#ask(keyId);
  }

  /** The database's answer, no older than `maxAgeMs`. Rejects with `LookupFailed`. */
  refresh(keyId: string, maxAgeMs: number): KeyEntry | Promise<KeyEntry> {
    const kept = this.peek(keyId);
    if (kept && this.#age(kept) < maxAgeMs) return kept;
    return this.#ask(keyId);
  }

  #age({ askedAt }: KeyEntry): number {
    return this.#options.now() - askedAt;
  }

  async #ask(keyId: string): Promise<KeyEntry> {
    try {
      return await this.#lookUpFresh(keyId);
    } catch (error) {
      // a database that is away announces no changes either: a kept key is used until it is too old
      const kept = this.#on ? undefined : this.#kept(keyId);
      if (kept) return { ...kept, uncertain: true };
      throw error;
    }
  }

  async #lookUpFresh(keyId: string): Promise<KeyEntry> {
    // a key that changes at every lookup, or a database this slow, is not worth more attempts
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const lookup = this.#lookups.get(keyId) ?? this.#begin(keyId);
      const entry = await lookup.answer;
      if (!lookup.outdated && this.#age(entry) <= keyMaxAgeMs) return entry;
    }
    throw new LookupFailed('no answer was fresh enough');
  }

  #begin(keyId: string): Lookup {
    if (this.#underWay >= this.#options.maxLookups) {
      this.counts.failed += 1;
      throw new LookupFailed('too many lookups are waiting');
    }
    this.#underWay += 1;
    const askedAt = this.#options.now();
    const lookup: Lookup = { outdated: false, answer: this.#lookUp(keyId, askedAt) };
    this.#lookups.set(keyId, lookup);
    const settle = () => {
      this.#underWay -= 1;
      if (this.#lookups.get(keyId) === lookup) this.#lookups.delete(keyId);
    };
    lookup.answer.then((entry) => {
      settle();
      if (!lookup.outdated) this.#keep(keyId, entry);
    }, settle);
    return lookup;
  }

  async #lookUp(keyId: string, askedAt: number): Promise<KeyEntry> {
    try {
      return { record: await this.#options.lookUp(keyId), askedAt };
    } catch (cause) {
      this.counts.failed += 1;
      throw new LookupFailed('the database did not answer', { cause });
    }
  }

  #keep(keyId: string, entry: KeyEntry): void {
    const [here, other] = entry.record
      ? [this.#known, this.#unknown]
      : [this.#unknown, this.#known];
    other.delete(keyId);
    here.set(keyId, entry);
  }
}
