import { type Credentials, haveHash } from './credentials.ts';
import type { KeyEntry } from './key-cache.ts';

/*
 * The state of a key at a time on the cache's clock. The database returns how long is left, and
 * answers after `askedAt`: counted from there, no deadline is later than the database's own.
 */

/** Whether a key has expired. */
export function hasExpired({ record, askedAt }: KeyEntry, now: number): boolean {
  return record !== null && record.expiresInMs !== null && now - askedAt >= record.expiresInMs;
}

/** Whether a key is neither deleted, suspended nor expired. */
export function inService(entry: KeyEntry, now: number): boolean {
  return entry.record?.active === true && !hasExpired(entry, now);
}

/** Whether the credentials are the key's: its secret, or during a grace period the previous one. */
export function areOfKey(
  credentials: Credentials,
  { record, askedAt }: KeyEntry,
  now: number,
): boolean {
  if (record === null) return false;
  if (haveHash(credentials, record.secretHash)) return true;
  const { previousHash, previousEndsInMs } = record;
  if (previousHash === null || previousEndsInMs === null) return false;
  return now - askedAt < previousEndsInMs && haveHash(credentials, previousHash);
}
