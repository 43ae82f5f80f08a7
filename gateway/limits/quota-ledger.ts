import type { KeyEntry } from '../keys/key-cache.ts';
import { keyMaxAgeMs } from '../keys/key-cache.ts';
import { newBytes, type UsageEvent } from '../usage/usage-event.ts';

interface Account {
  /** Moved through this node, and not known to be in the database. */
  unrecorded: number;
  /** What the database took lately, and between when: a cached figure may be from before. */
  recorded: { since: number; until: number; bytes: number }[];
}

/** What was recorded within this time, in ms, is marked as one: busy keys have many batches. */
const markMs = 1_000;
/** An entry may be waited with, as for a rate limiter, after it was taken from the cache. */
const keptMs = 2 * keyMaxAgeMs;

/**
 * What this node adds to the bytes that the database knew of when a key was looked up. Where the two
 * overlap, a key's use is taken as too high rather than too low.
 */
export class QuotaLedger {
  readonly #now: () => number;
  readonly #accounts = new Map<string, Account>();
  #forgotAt = Number.NEGATIVE_INFINITY;

  /** `now`: the key cache's clock. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** An event found in the spool of an earlier run. */
  recover(event: UsageEvent): void {
    const { sent, received } = newBytes(event);
    this.add(event.apiKeyId, sent + received);
  }

  /** Bytes moved for a key. */
  add(apiKeyId: string, bytes: number): void {
    if (bytes === 0) return;
    const account = this.#accounts.get(apiKeyId);
    if (account) account.unrecorded += bytes;
    else this.#accounts.set(apiKeyId, { unrecorded: bytes, recorded: [] });
  }

  /** The database has these events now, or has refused them for good. */
  settle(events: readonly UsageEvent[]): void {
    const at = this.#now();
    for (const event of events) {
      const account = this.#accounts.get(event.apiKeyId);
      const { sent, received } = newBytes(event);
      const bytes = sent + received;
      if (!account || bytes === 0) continue;
      account.unrecorded -= bytes;
      const last = account.recorded.at(-1);
      if (last && at - last.since < markMs) {
        last.until = at;
        last.bytes += bytes;
      } else {
        account.recorded.push({ since: at, until: at, bytes });
      }
    }
    if (at - this.#forgotAt >= markMs) this.#forget(at);
  }

  /** The bytes of this month that a key has used, as far as this node can know. */
  used(entry: KeyEntry): number {
    if (!entry.record) return 0;
    const { id, bandwidthUsedBytes } = entry.record;
    const account = this.#accounts.get(id);
    if (!account) return bandwidthUsedBytes;
    let since = 0;
    for (const { until, bytes } of account.recorded) if (until >= entry.askedAt) since += bytes;
    return bandwidthUsedBytes + account.unrecorded + since;
  }

  /** Whether a key has used up its month. */
  exhausted(entry: KeyEntry): boolean {
    return entry.record !== null && this.used(entry) >= entry.record.bandwidthLimitBytes;
  }

  get size(): number {
    return this.#accounts.size;
  }

  /** Drops what no figure in use can be older than. */
  #forget(now: number): void {
    this.#forgotAt = now;
    for (const [apiKeyId, account] of this.#accounts) {
      account.recorded = account.recorded.filter(({ until }) => now - until <= keptMs);
      if (account.unrecorded <= 0 && account.recorded.length === 0) this.#accounts.delete(apiKeyId);
    }
  }
}
