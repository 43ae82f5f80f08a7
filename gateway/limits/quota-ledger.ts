import { LRUCache } from 'lru-cache';
import type { KeyEntry } from '../keys/key-cache.ts';
import { keyMaxAgeMs } from '../keys/key-cache.ts';
import type { RefusalCode } from '../refusal.ts';
import { newBytes, type UsageEvent } from '../usage/usage-event.ts';
import { Tally } from './tally.ts';

/** How often tallies that are no longer needed are dropped, in ms. */
const forgetMs = 1_000;
/** A request may hold its entry longer than the cache, for example while it waits for a limiter. */
const keptMs = 2 * keyMaxAgeMs;
/** How many keys' accounts are known without a lookup: as many as the key cache holds. */
const maxAccountsKnown = 100_000;

interface KeyTally extends Tally {
  /** The tally of the account that the key's bytes also count for; absent until it is looked up. */
  account?: Tally;
}

/**
 * What this node adds to the bytes that the database had when a key was looked up, for the key and
 * for the account whose limit it shares. Where the two overlap, usage is overestimated rather than
 * underestimated.
 */
export class QuotaLedger {
  readonly #now: () => number;
  readonly #keys = new Map<string, KeyTally>();
  readonly #accounts = new Map<string, Tally>();
  /** By key, so that one that moves bytes again after a pause counts for its account at once. */
  readonly #accountOf = new LRUCache<string, string>({ max: maxAccountsKnown });
  #forgotAt = Number.NEGATIVE_INFINITY;

  /** `now`: the key cache's clock. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Counts an event found in the spool of an earlier run. */
  recover(event: UsageEvent): void {
    const { sent, received } = newBytes(event);
    this.add(event.apiKeyId, sent + received);
  }

  /** Counts bytes that moved for a key. */
  add(apiKeyId: string, bytes: number): void {
    if (bytes === 0) return;
    let key = this.#keys.get(apiKeyId);
    if (!key) {
      key = new Tally();
      const accountId = this.#accountOf.get(apiKeyId);
      if (accountId !== undefined) key.account = this.#account(accountId);
      this.#keys.set(apiKeyId, key);
    }
    key.add(bytes);
    key.account?.add(bytes);
  }

  /** The database has recorded these events, or refused them permanently. */
  settle(events: readonly UsageEvent[]): void {
    const at = this.#now();
    for (const event of events) {
      const key = this.#keys.get(event.apiKeyId);
      const { sent, received } = newBytes(event);
      const bytes = sent + received;
      if (!key || bytes === 0) continue;
      key.settle(bytes, at);
      key.account?.settle(bytes, at);
    }
    if (at - this.#forgotAt >= forgetMs) this.#forget(at);
  }

  /** The bytes that a key has used this month, as far as this node can know. */
  used({ record, askedAt }: KeyEntry): number {
    if (!record) return 0;
    return record.bandwidthUsedBytes + (this.#keys.get(record.id)?.since(askedAt) ?? 0);
  }

  /** The bytes that all keys of its account have used this month, as far as this node can know. */
  usedTogether({ record, askedAt }: KeyEntry): number {
    if (!record?.account) return 0;
    const { id, usedBytes } = record.account;
    this.#learn(record.id, id);
    return usedBytes + (this.#accounts.get(id)?.since(askedAt) ?? 0);
  }

  /** Which monthly limit a key has used up: its own or its account's; null for neither. */
  usedUp(entry: KeyEntry): RefusalCode | null {
    const { record } = entry;
    if (!record) return null;
    const { account, bandwidthLimitBytes } = record;
    // called in any case, as it learns the account
    const together = this.usedTogether(entry);
    if (this.used(entry) >= bandwidthLimitBytes) return 'quota_exceeded';
    return account && together >= account.limitBytes ? 'account_quota_exceeded' : null;
  }

  /** How many keys and accounts have a tally. */
  get size(): number {
    return this.#keys.size + this.#accounts.size;
  }

  /** Bytes that a key moved before its account was known count for the account from here on. */
  #learn(apiKeyId: string, accountId: string): void {
    if (this.#accountOf.get(apiKeyId) !== accountId) this.#accountOf.set(apiKeyId, accountId);
    const key = this.#keys.get(apiKeyId);
    if (!key) return;
    const account = this.#account(accountId);
    if (key.account === account) return;
    key.account?.remove(key);
    account.include(key);
    key.account = account;
  }

  #account(id: string): Tally {
    const known = this.#accounts.get(id);
    if (known) return known;
    const account = new Tally();
    this.#accounts.set(id, account);
    return account;
  }

  /** Drops tallies that are older than any figure in use. */
  #forget(now: number): void {
    this.#forgotAt = now;
    const inUse = new Set<Tally>();
    for (const [id, key] of this.#keys) {
      key.forget(now - keptMs);
      if (key.empty) {
        this.#keys.delete(id);
        key.account?.remove(key);
      } else if (key.account) inUse.add(key.account);
    }
    for (const [id, account] of this.#accounts) {
      account.forget(now - keptMs);
      if (!inUse.has(account) && account.empty) this.#accounts.delete(id);
    }
  }
}
