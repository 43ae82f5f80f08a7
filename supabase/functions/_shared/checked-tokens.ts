import { sha256 } from '@noble/hashes/sha2.js';
import { LRUCache } from 'lru-cache';

/** The tokens that were verified, so that a signature is checked once and not on every request. */
export interface CheckedTokens {
  has(token: string): boolean;
  /** Keeps a token until it expires. `exp` is in seconds since 1970; a token without it is not kept. */
  add(token: string, exp: number | undefined): void;
}

/** About 2 MB. */
const mostTokens = 10_000;

/**
 * Creates an empty collection for one set of signing keys. It holds SHA-256 hashes, not tokens.
 * `longestMs` is for keys that may change: a token stays valid that long after its key is withdrawn.
 */
export function createCheckedTokens(
  longestMs = Number.POSITIVE_INFINITY,
  now: () => number = Date.now,
): CheckedTokens {
  const goodUntil = new LRUCache<string, number>({ max: mostTokens });
  return {
    has: (token) => now() < (goodUntil.get(hash(token)) ?? 0),
    add(token, exp) {
      if (exp === undefined) return;
      goodUntil.set(hash(token), Math.min(exp * 1_000, now() + longestMs));
    },
  };
}

// Web Crypto's digest takes 0.2 ms for a token, this one 0.01 ms
function hash(token: string): string {
  return String.fromCharCode(...sha256(new TextEncoder().encode(token)));
}
