import { type Client, permitsClient } from './keys/client-ranges.ts';
import type { Credentials } from './keys/credentials.ts';
import type { KeyCache, KeyEntry } from './keys/key-cache.ts';
import { areOfKey, inService } from './keys/key-state.ts';
import type { KeysInUse, TunnelHolder } from './keys/keys-in-use.ts';
import type { QuotaLedger } from './limits/quota-ledger.ts';
import type { RateLimiter } from './limits/rate-limiter.ts';
import { Refusal } from './refusal.ts';
import type { Admission } from './session.ts';

export interface AdmissionOptions {
  keys: KeyCache;
  ledger: QuotaLedger;
  limiter: RateLimiter;
  inUse: KeysInUse;
  /** The clock of `keys`. */
  now: () => number;
}

/** A figure this fresh is not asked for again before a refusal for quota, in ms. */
const freshMs = 1_000;
const retryAfterSeconds = 5;

/**
 * Judges a request by its credentials and its client's address: credentials, state, address, rate,
 * quota, open tunnels, in this order. Throws a `Refusal` while the caller has not proved to hold a key
 * (407), or when the database cannot say (503): a stranger can add nothing to a key's usage. One that
 * is admitted counts as a tunnel of its key and `holder`, until it is released.
 */
export async function admit(
  credentials: Credentials,
  client: Client,
  holder: TunnelHolder,
  { keys, ledger, limiter, inUse, now }: AdmissionOptions,
): Promise<Admission> {
  const entry = await answered(keys.get(credentials.keyId));
  const { record } = entry;
  const at = now();
  if (!record || !areOfKey(credentials, entry, at)) {
    // it may be the secret of a rotation that nobody could tell us of
    if (entry.uncertain) throw new Refusal('unavailable', { retryAfterSeconds });
    throw new Refusal('credentials_required');
  }
  const { id, keyId } = record;
  const key = { id, keyId };
  const refused = (refusal: Refusal): Admission => ({ key, refusal, mark: 0 });

  if (!inService(entry, at)) {
    return refused(new Refusal(record.suspended ? 'key_suspended' : 'credentials_required'));
  }
  if (!permitsClient(record.allowedIps, client)) {
    return refused(new Refusal('address_forbidden'));
  }
  const waitSeconds = await limiter.take(keyId, record.rateLimit);
  if (waitSeconds > 0) {
    return refused(new Refusal('rate_limited', { retryAfterSeconds: waitSeconds }));
  }
  // this node's figure may be too high: the database is asked before it counts
  const usedUp =
    ledger.usedUp(entry) && ledger.usedUp(await answered(keys.refresh(keyId, freshMs)));
  if (usedUp) return refused(new Refusal(usedUp));
  const mark = inUse.take(holder, keyId, entry);
  if (mark === null) return refused(new Refusal('tunnel_limit_reached'));
  return { key, refusal: null, mark };
}

async function answered(entry: KeyEntry | Promise<KeyEntry>): Promise<KeyEntry> {
  try {
    return await entry;
  } catch {
    throw new Refusal('unavailable', { retryAfterSeconds });
  }
}
