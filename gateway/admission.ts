import { type Client, permitsClient } from './keys/client-ranges.ts';
import { parseCredentials } from './keys/credentials.ts';
import type { KeyCache, KeyEntry } from './keys/key-cache.ts';
import type { KeyRecord } from './keys/key-lookup.ts';
import { areOfKey, inService } from './keys/key-state.ts';
import type { QuotaLedger } from './limits/quota-ledger.ts';
import type { RateLimiter } from './limits/rate-limiter.ts';
import { Refusal } from './refusal.ts';
import type { TunnelSlots } from './tunnels/tunnel-slots.ts';

/** The key that proved itself, and why it may not go on all the same, if so. */
export interface Admission {
  key: KeyRecord;
  /** What the key was judged by. */
  entry: KeyEntry;
  refusal: Refusal | null;
}

export interface AdmissionOptions {
  keys: KeyCache;
  ledger: QuotaLedger;
  limiter: RateLimiter;
  /** Tunnels that are open or being opened, by key. */
  slots: TunnelSlots;
  /** The clock of `keys`. */
  now: () => number;
}

/** A figure this fresh is not asked for again before a refusal for quota, in ms. */
const freshMs = 1_000;
const retryAfterSeconds = 5;

/**
 * Judges a request by its `Proxy-Authorization` header and its client's address: credentials, state,
 * address, rate, quota, open tunnels, in this order. Throws a `Refusal` while the caller has not
 * proved to hold a key (407), or when the database cannot say (503): a stranger can add nothing to a
 * key's usage. One that is admitted holds a slot of its key, which the caller releases.
 */
export async function admit(
  header: string | undefined,
  client: Client,
  { keys, ledger, limiter, slots, now }: AdmissionOptions,
): Promise<Admission> {
  const credentials = parseCredentials(header);
  if (!credentials) throw new Refusal('credentials_required');
  const entry = await answered(keys.get(credentials.keyId));
  const { record: key } = entry;
  const at = now();
  if (!key || !areOfKey(credentials, entry, at)) {
    // it may be the secret of a rotation that nobody could tell us of
    if (entry.uncertain) throw new Refusal('unavailable', { retryAfterSeconds });
    throw new Refusal('credentials_required');
  }
  const refused = (refusal: Refusal): Admission => ({ key, entry, refusal });

  if (!inService(entry, at)) {
    return refused(new Refusal(key.suspended ? 'key_suspended' : 'credentials_required'));
  }
  if (!permitsClient(key.allowedIps, client)) {
    return refused(new Refusal('address_forbidden'));
  }
  const waitSeconds = await limiter.take(key.keyId, key.rateLimit);
  if (waitSeconds > 0) {
    return refused(new Refusal('rate_limited', { retryAfterSeconds: waitSeconds }));
  }
  // this node's figure may be too high: the database is asked before it counts
  if (
    ledger.exhausted(entry) &&
    ledger.exhausted(await answered(keys.refresh(key.keyId, freshMs)))
  ) {
    return refused(new Refusal('quota_exceeded'));
  }
  if (!slots.take(key.keyId, key.tunnelLimit)) return refused(new Refusal('tunnel_limit_reached'));
  return { key, entry, refusal: null };
}

async function answered(entry: KeyEntry | Promise<KeyEntry>): Promise<KeyEntry> {
  try {
    return await entry;
  } catch {
    throw new Refusal('unavailable', { retryAfterSeconds });
  }
}
