/** Says who may go on: at most a key's rate per second, after a burst of one second's worth. */
export interface RateLimiter {
  /**
   * Takes one CONNECT from a key's bucket. Returns 0 when it may go on, else the seconds until the
   * next one may (a fraction). Nothing is taken by a refused one.
   */
  take(keyId: string, ratePerSecond: number): number | Promise<number>;
}

/** A `RateLimiter` that counts this process alone. */
export interface LocalRateLimiter extends RateLimiter {
  take(keyId: string, ratePerSecond: number): number;
  /** How many buckets are remembered. */
  readonly size: number;
}

export interface LocalRateLimiterOptions {
  /** A clock that never steps back, in ms. */
  now: () => number;
}

/** What is missing from a bucket, as the ms in which it fills, and when that was so. */
interface Bucket {
  debtMs: number;
  at: number;
}

/** A bucket holds the CONNECTs of this long, at any rate. */
const capacityMs = 1_000;
/** What a sum of fractions may be off by: far less than the time between two CONNECTs. */
const roundingMs = 1e-6;

/**
 * One token bucket per key, kept as the time until it is full again (GCRA): exact, and with no timer a
 * key. Being a time, it keeps how full the bucket is when the rate changes. A bucket that is full
 * again is forgotten.
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
