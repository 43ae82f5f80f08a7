import { KeyCache, type KeyCacheOptions } from '../../../gateway/keys/key-cache.ts';
import type { KeyRecord } from '../../../gateway/keys/key-lookup.ts';

/** A key as the database would know it; `version` stands for what a change changes. */
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

/** A look-up that awaits its answer. */
export interface AwaitedLookup {
  keyId: string;
  answer(record: KeyRecord | null): void;
  fail(): void;
}

/** A cache whose clock and whose database's answers are in the test's hand. */
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
  /** Asks for a key that is looked up and answered at once. */
  const fill = async (keyId: string, record: KeyRecord | null = keyRecord(keyId)) => {
    const entry = cache.get(keyId);
    asked.at(-1)?.answer(record);
    return await entry;
  };
  return { cache, clock, asked, fill };
}
