import { freshEntry, prove } from './admission.ts';
import type { Client } from './keys/client-ranges.ts';
import type { Credentials } from './keys/credentials.ts';
import type { KeyCache, KeyEntry } from './keys/key-cache.ts';
import type { KeyRecord } from './keys/key-lookup.ts';
import type { KeysInUse } from './keys/keys-in-use.ts';
import type { QuotaLedger } from './limits/quota-ledger.ts';
import type { RateLimiter } from './limits/rate-limiter.ts';
import { Refusal } from './refusal.ts';
import type { Description } from './session.ts';

/** What a key's holder may know about it; named as in the API. */
export interface OwnKey {
  keyId: string;
  liveMode: boolean;
  active: true;
  /** In this period, including what this gateway has not reported yet. */
  bandwidthUsedThisPeriodBytes: number;
  bandwidthLimitBytes: number;
  bandwidthLeftBytes: number;
  /** What all keys of its user, tier and mode share; null once the user's account is removed. */
  account: { usedBytes: number; limitBytes: number; leftBytes: number } | null;
  /** CONNECTs per second. */
  rateLimit: number;
  tunnelLimit: number;
  /** On this gateway, including those that are being connected. */
  openTunnels: number;
  /** To the second; null for never. */
  expiresAt: string | null;
  /** Until then the previous secret also works, to the second. */
  graceEndsAt: string | null;
  /** This calendar month (UTC). */
  period: string;
  resetsAt: string;
}

export interface OwnKeyOptions {
  keys: KeyCache;
  ledger: QuotaLedger;
  limiter: RateLimiter;
  inUse: KeysInUse;
  /** The clock of `keys`. */
  now: () => number;
  /** The database's clock, in ms since 1970. */
  clock: () => number;
}

/**
 * Describes a key to a caller that proves to hold it, even if its bandwidth or its tunnels are used
 * up. Throws like `prove`.
 */
export async function describeOwnKey(
  credentials: Credentials,
  client: Client,
  options: OwnKeyOptions,
): Promise<Description> {
  const { keys, ledger, now, clock } = options;
  const { key, refusal, entry } = await prove(credentials, client, options);
  if (refusal) return { key, refusal, state: null };
  const { periodMs } = periodAt(clock());
  const isOfLastPeriod = now() - entry.askedAt >= periodMs;
  const latest =
    isOfLastPeriod || ledger.usedUp(entry) ? await freshEntry(keys, key.keyId, periodMs) : entry;
  if (!latest.record) throw new Refusal('credentials_required');
  return { key, refusal, state: stateOf(latest.record, latest, options) };
}

function stateOf(
  record: KeyRecord,
  entry: KeyEntry,
  { ledger, inUse, now, clock }: OwnKeyOptions,
): OwnKey {
  const at = clock();
  const used = ledger.used(entry);
  const usedTogether = ledger.usedTogether(entry);
  const { period, resetsAt } = periodAt(at);
  const timeIn = (ms: number | null) =>
    ms === null ? null : timeAt(1_000 * Math.round((at + ms - (now() - entry.askedAt)) / 1_000));
  return {
    keyId: record.keyId,
    liveMode: record.keyId.startsWith('avp_live_'),
    active: true,
    bandwidthUsedThisPeriodBytes: used,
    bandwidthLimitBytes: record.bandwidthLimitBytes,
    bandwidthLeftBytes: Math.max(0, record.bandwidthLimitBytes - used),
    account: record.account && {
      usedBytes: usedTogether,
      limitBytes: record.account.limitBytes,
      leftBytes: Math.max(0, record.account.limitBytes - usedTogether),
    },
    rateLimit: record.rateLimit,
    tunnelLimit: record.tunnelLimit,
    openTunnels: inUse.countOf(record.keyId),
    expiresAt: timeIn(record.expiresInMs),
    graceEndsAt: timeIn(record.previousEndsInMs),
    period,
    resetsAt,
  };
}

/** The calendar month (UTC) of a time, and how much of it is over, in ms. */
function periodAt(time: number): { period: string; resetsAt: string; periodMs: number } {
  const date = new Date(time);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  return {
    period: date.toISOString().slice(0, 7),
    resetsAt: timeAt(Date.UTC(year, month + 1)),
    periodMs: time - Date.UTC(year, month),
  };
}

function timeAt(ms: number): string {
  return new Date(ms).toISOString();
}
