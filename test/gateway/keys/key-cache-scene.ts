import { KeyCache, type KeyCacheOptions } from '../../../gateway/keys/key-cache.ts';
import type { KeyRecord } from '../../../gateway/keys/key-lookup.ts';

/** A key as the database returns it; `version` stands for any changed field. */
export function keyRecord(keyId: string, version = 1): KeyRecord {
  return {
    id: `id of ${keyId}`,
    keyId,
    secretHash: Buffer.from([version]),
    active: true,
    suspended: false,
    rateLimit: 10,
    tunnelLimit: 100,
    bandwidthLimitBytes: 1_000,
    bandwidthUsedBytes: 0,
    allowedIps: [],
    expiresInMs: null,
    previousHash: null,
    previousEndsInMs: null,
    account: null,
  };
}

/** A lookup that waits for its answer. */
export interface AwaitedLookup {
  keyId: string;
  answer(record: KeyRecord | null): void;
  fail(): void;
}

/** A cache whose clock and database answers the test controls. */
export function keyCacheScene(options: Partial<KeyCacheOptions> & { begin?: number } = {}) {
  const { begin = 1_000, ...rest } = options;
  const asked: AwaitedLookup[] = [];
  const clock = { now: begin };
  const cache = new KeyCache({
    now: () => clock.now,
    lookUp(keyId) {
      const { promise, resolve, reject } = Promise.withResolvers<KeyRecord | null>();
      asked.push({ keyId, answer: resolve, fail: () => reject(new Error('away')) });
      return promise;
    },
    ...rest,
  });
  cache.switchOn();
  /** Looks up a key and answers at once. */
  const fill = async (keyId: string, record: KeyRecord | null = keyRecord(keyId)) => {
    const entry = cache.get(keyId);
    asked.at(-1)?.answer(record);
    return await entry;
  };
  return { cache, clock, asked, fill };
}
