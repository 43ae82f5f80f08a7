import { LRUCache } from 'lru-cache';

/** The tokens that were found good, so that a signature is checked once and not with every request. */
export interface CheckedTokens {
  has(token: string): Promise<boolean>;
  /** Keeps a token until it expires. `exp` is in seconds since 1970; one without it is not kept. */
  add(token: string, exp: number | undefined): Promise<void>;
}

/** About 2 MB. */
const mostTokens = 10_000;

/**
 * Makes an empty collection, for one set of signing keys. It holds SHA-256 hashes, and no token.
 * `longestMs` is for keys that may change: until then a token is good whose key was withdrawn.
 */
export function createCheckedTokens(
  longestMs = Number.POSITIVE_INFINITY,
  now: () => number = Date.now,
): CheckedTokens {
  const goodUntil = new LRUCache<string, number>({ max: mostTokens });
  return {
    has: async (token) => now() < (goodUntil.get(await hash(token)) ?? 0),
    async add(token, exp) {
      if (exp === undefined) return;
      goodUntil.set(await hash(token), Math.min(exp * 1_000, now() + longestMs));
    },
  };
}

async function hash(token: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token));
  return String.fromCharCode(...new Uint8Array(digest));
}
