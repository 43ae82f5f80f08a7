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

/** A figure no older than this is not fetched again before a quota refusal, in ms. */
const freshMs = 1_000;
const retryAfterSeconds = 5;

/** A key that the caller has proved to hold. */
export interface ProvenKey extends Verdict {
  entry: KeyEntry;
}

/**
 * Judges a request by credentials, key state, client address and rate, in this order. Throws a
 * `Refusal` if the caller does not prove to hold a key (407), or if the database does not answer
 * (503), so that a stranger adds nothing to a key's usage.
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
    // it may be a rotated secret that this gateway was not notified of
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
 * Judges a request for a target: calls `prove`, then checks quota and open tunnels. An admitted
 * request counts as a tunnel of its key and `holder` until it is released.
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

/** The database's current or recent figures, as this node's own may be too high. */
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
