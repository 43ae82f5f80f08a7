import { type Client, permitsClient } from './keys/client-ranges.ts';
import type { Credentials } from './keys/credentials.ts';
import type { KeyCache, KeyEntry } from './keys/key-cache.ts';
import { areOfKey, inService } from './keys/key-state.ts';
import type { KeysInUse, TunnelHolder } from './keys/keys-in-use.ts';
import type { QuotaLedger } from './limits/quota-ledger.ts';
import type { RateLimiter } from './limits/rate-limiter.ts';
import { Refusal } from './refusal.ts';
import type { Admission, Verdict } from './session.ts';

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

/** A key that proved itself by its credentials. */
export interface ProvenKey extends Verdict {
  entry: KeyEntry;
}

/**
 * Judges a request by its credentials and its client's address: credentials, state, address, rate, in
 * this order. Throws a `Refusal` while the caller has not proved to hold a key (407), or when the
 * database cannot say (503): a stranger can add nothing to a key's usage.
 */
export async function prove(
  credentials: Credentials,
  client: Client,
  { keys, limiter, now }: Pick<AdmissionOptions, 'keys' | 'limiter' | 'now'>,
): Promise<ProvenKey> {
  const entry = await answered(keys.get(credentials.keyId));
  const { record } = entry;
  const at = now();
  if (!record || !areOfKey(credentials, entry, at)) {
    // it may be the secret of a rotation that nobody could tell us of
    if (entry.uncertain) throw new Refusal('unavailable', { retryAfterSeconds });
    throw new Refusal('credentials_required');
  }
  const { id, keyId } = record;
  const proven = (refusal: Refusal | null): ProvenKey => ({ key: { id, keyId }, refusal, entry });

  if (!inService(entry, at)) {
    return proven(new Refusal(record.suspended ? 'key_suspended' : 'credentials_required'));
  }
  if (!permitsClient(record.allowedIps, client)) return proven(new Refusal('address_forbidden'));
  const waitSeconds = await limiter.take(keyId, record.rateLimit);
  return proven(
    waitSeconds > 0 ? new Refusal('rate_limited', { retryAfterSeconds: waitSeconds }) : null,
  );
}

/**
 * Judges a request for a target: what `prove` does, then quota and open tunnels. One that is admitted
 * counts as a tunnel of its key and `holder`, until it is released.
 */
export async function admit(
  credentials: Credentials,
  client: Client,
  holder: TunnelHolder,
  options: AdmissionOptions,
): Promise<Admission> {
  const { ledger, inUse } = options;
  const { key, refusal, entry } = await prove(credentials, client, options);
  if (refusal) return { key, refusal, mark: 0 };
  const usedUp = ledger.usedUp(entry) && ledger.usedUp(await freshEntry(options.keys, key.keyId));
  if (usedUp) return { key, refusal: new Refusal(usedUp), mark: 0 };
  const mark = inUse.take(holder, key.keyId, entry);
  if (mark === null) return { key, refusal: new Refusal('tunnel_limit_reached'), mark: 0 };
  return { key, refusal: null, mark };
}

/** What the database says now, or said so lately: this node's figures may be too high. */
export function freshEntry(keys: KeyCache, keyId: string, maxAgeMs = freshMs): Promise<KeyEntry> {
  return answered(keys.refresh(keyId, Math.min(maxAgeMs, freshMs)));
}

async function answered(entry: KeyEntry | Promise<KeyEntry>): Promise<KeyEntry> {
  try {
    return await entry;
  } catch {
    throw new Refusal('unavailable', { retryAfterSeconds });
  }
}
