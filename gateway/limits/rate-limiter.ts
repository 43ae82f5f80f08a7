/** Limits each key to its rate per second, after a burst of one second's worth. */
export interface RateLimiter {
  /**
   * Takes one CONNECT from a key's bucket. Returns 0 if it is allowed, else the seconds until the
   * next one is (a fraction). A refused one takes nothing.
   */
  take(keyId: string, ratePerSecond: number): number | Promise<number>;
}

/** A `RateLimiter` that counts for this process only. */
export interface LocalRateLimiter extends RateLimiter {
  take(keyId: string, ratePerSecond: number): number;
  /** How many buckets are remembered. */
  readonly size: number;
}

export interface LocalRateLimiterOptions {
  /** A clock that never steps back, in ms. */
  now: () => number;
}

/** What is missing from a bucket, as the ms that it takes to refill, at a given time. */
interface Bucket {
  debtMs: number;
  at: number;
}

/** A full bucket holds the CONNECTs of this time, at any rate. */
const capacityMs = 1_000;
/** The rounding error of a sum of fractions: far less than the time between two CONNECTs. */
const roundingMs = 1e-6;

/**
 * One token bucket per key, stored as the time until it is full again (GCRA): exact, and without a
 * timer per key. As it is a time, a change of the rate keeps the bucket's fill level. A full bucket
 * is forgotten.
 */
export function createLocalRateLimiter({ now }: LocalRateLimiterOptions): LocalRateLimiter {
  // a bucket is full a second after its last CONNECT, so no more than two generations are needed
  let young = new Map<string, Bucket>();
  let old = new Map<string, Bucket>();
  let youngSince = now();

  const forgetFull = (time: number) => {
    const age = time - youngSince;
    if (age <= capacityMs + roundingMs) return;
    old = age <= 2 * (capacityMs + roundingMs) ? young : new Map();
    young = new Map();
    youngSince = time;
  };

  return {
    take(keyId, ratePerSecond) {
      const time = now();
      forgetFull(time);
      const bucket = young.get(keyId) ?? old.get(keyId);
      const debtMs = bucket ? Math.max(0, bucket.debtMs - (time - bucket.at)) : 0;
      const debtAfterMs = debtMs + 1_000 / ratePerSecond;
      const waitMs = debtAfterMs - capacityMs;
      if (waitMs > roundingMs) return waitMs / 1_000;
      young.set(keyId, { debtMs: debtAfterMs, at: time });
      return 0;
    },
    get size() {
      return young.size + old.size;
    },
  };
}
