import { afterEach, describe, expect, it } from 'vitest';
import { type KeyEntry, LookupFailed } from '../../../gateway/keys/key-cache.ts';
import { keyRecord, keyCacheScene as scene } from './key-cache-scene.ts';

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
afterEach(async () => {
  // Node reports them after the microtasks have run
  await new Promise((resolve) => setImmediate(resolve));
  expect(unhandled.splice(0)).toEqual([]);
});

describe('a lookup', () => {
  it('is shared by a hundred concurrent callers', async () => {
    const { cache, asked } = scene();
    const answers = Array.from({ length: 100 }, () => cache.get('a'));
    expect(asked).toHaveLength(1);
    asked[0]?.answer(keyRecord('a'));
    const entries = await Promise.all(answers);
    expect(new Set(entries).size).toBe(1);
    expect(asked).toHaveLength(1);
    expect(cache.counts).toMatchObject({ hit: 0, miss: 100 });
  });

  it('of one key does not wait for another key’s lookup', async () => {
    const { cache, asked } = scene();
    void cache.get('a');
    const b = cache.get('b');
    asked[1]?.answer(keyRecord('b'));
    expect((await b).record?.keyId).toBe('b');
  });

  it('that fails gives LookupFailed to all callers, and is not cached', async () => {
    const { cache, asked } = scene();
    const answers = Array.from({ length: 10 }, () => Promise.resolve(cache.get('a')));
    asked[0]?.fail();
    for (const answer of await Promise.allSettled(answers)) {
      expect(answer.status === 'rejected' && answer.reason).toBeInstanceOf(LookupFailed);
    }
    expect(cache.counts.failed).toBe(1);
    expect(cache.peek('a')).toBeUndefined();
    const again = cache.get('a');
    expect(asked).toHaveLength(2);
    asked[1]?.answer(keyRecord('a'));
    expect((await again).record?.keyId).toBe('a');
  });

  it('that throws synchronously gives LookupFailed too', async () => {
    const { cache } = scene({
      lookUp() {
        throw new Error('no pool');
      },
    });
    await expect(cache.get('a')).rejects.toBeInstanceOf(LookupFailed);
  });

  it('that fails does not remove the cached entry', async () => {
    const { cache, clock, asked, fill } = scene();
    const kept = await fill('a');
    clock.now += 5_000;
    const refreshed = Promise.resolve(cache.refresh('a', 1_000));
    asked[1]?.fail();
    await expect(refreshed).rejects.toBeInstanceOf(LookupFailed);
    expect(cache.get('a')).toBe(kept);
    clock.now += 25_001;
    expect(cache.peek('a')).toBeUndefined();
  });

  it('is refused while too many are running', async () => {
    const { cache, asked } = scene({ maxLookups: 2 });
    const a = cache.get('a');
    void cache.get('b');
    await expect(cache.get('c')).rejects.toBeInstanceOf(LookupFailed);
    expect(asked).toHaveLength(2);
    // a caller that joins a lookup starts none
    const joined = cache.get('a');
    asked[0]?.answer(keyRecord('a'));
    expect(await joined).toBe(await a);
    const c = cache.get('c');
    asked[2]?.answer(keyRecord('c'));
    expect((await c).record?.keyId).toBe('c');
  });

  it('that no longer counts still takes its slot until it ends', async () => {
    const { cache, asked } = scene({ maxLookups: 1 });
    const dropped = Promise.resolve(cache.get('a'));
    cache.drop('a');
    await expect(cache.get('a')).rejects.toBeInstanceOf(LookupFailed);
    cache.switchOff();
    await expect(cache.get('b')).rejects.toBeInstanceOf(LookupFailed);
    asked[0]?.fail();
    await expect(dropped).rejects.toBeInstanceOf(LookupFailed);
    const b = cache.get('b');
    asked[1]?.answer(keyRecord('b'));
    expect((await b).record?.keyId).toBe('b');
  });

  it('that took longer than 30 s is repeated, because its answer is too old', async () => {
    const { cache, clock, asked } = scene();
    const answer = cache.get('a');
    clock.now += 30_001;
    asked[0]?.answer(keyRecord('a', 1));
    await expect.poll(() => asked.length).toBe(2);
    asked[1]?.answer(keyRecord('a', 2));
    expect(await answer).toEqual({ record: keyRecord('a', 2), askedAt: 31_001 });
  });
});

describe('a change', () => {
  it('of a cached key causes a new lookup', async () => {
    const { cache, asked, fill } = scene();
    await fill('a');
    await fill('b');
    cache.drop('a');
    expect(cache.peek('a')).toBeUndefined();
    expect(cache.peek('b')).toBeDefined();
    expect((await fill('a', keyRecord('a', 2))).record?.secretHash).toEqual(Buffer.from([2]));
    expect(asked).toHaveLength(3);
  });

  it('during a lookup gives all callers a fresh answer, and never the old one', async () => {
    const { cache, asked } = scene();
    const before = Array.from({ length: 10 }, () => cache.get('a'));
    cache.drop('a');
    const after = Array.from({ length: 10 }, () => cache.get('a'));
    expect(asked).toHaveLength(2);
    asked[1]?.answer(keyRecord('a', 2));
    expect((await Promise.all(after)).map(({ record }) => record?.secretHash[0])).toEqual(
      Array.from({ length: 10 }, () => 2),
    );
    // the old answer arrives last, and is ignored
    asked[0]?.answer(keyRecord('a', 1));
    await expect.poll(() => asked.length).toBe(3);
    asked[2]?.answer(keyRecord('a', 2));
    expect((await Promise.all(before)).map(({ record }) => record?.secretHash[0])).toEqual(
      Array.from({ length: 10 }, () => 2),
    );
    expect(cache.peek('a')?.record?.secretHash[0]).toBe(2);
    expect(asked).toHaveLength(3);
  });

  it('during a lookup leaves nothing of the old answer in the cache', async () => {
    const { cache, asked } = scene();
    const before = cache.get('a');
    cache.drop('a');
    asked[0]?.answer(keyRecord('a', 1));
    await expect.poll(() => asked.length).toBe(2);
    expect(cache.peek('a')).toBeUndefined();
    asked[1]?.answer(keyRecord('a', 2));
    expect((await before).record?.secretHash[0]).toBe(2);
  });

  it('of an unknown key during its lookup counts too', async () => {
    const { cache, asked } = scene();
    const before = cache.get('a');
    cache.drop('a');
    asked[0]?.answer(null);
    await expect.poll(() => asked.length).toBe(2);
    asked[1]?.answer(keyRecord('a'));
    expect((await before).record).not.toBeNull();
    expect(cache.size).toEqual({ known: 1, unknown: 0 });
  });

  it('at each lookup of a key makes it fail in the end', async () => {
    const { cache, asked } = scene();
    const answer = Promise.resolve(cache.get('a'));
    const outcome = answer.catch((error: unknown) => error);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await expect.poll(() => asked.length).toBe(attempt + 1);
      cache.drop('a');
      asked[attempt]?.answer(keyRecord('a', attempt));
    }
    expect(await outcome).toBeInstanceOf(LookupFailed);
    expect(asked).toHaveLength(5);
  });

  it('during a lookup that then fails gives LookupFailed to its callers', async () => {
    const { cache, asked } = scene();
    const answer = Promise.resolve(cache.get('a'));
    cache.drop('a');
    asked[0]?.fail();
    await expect(answer).rejects.toBeInstanceOf(LookupFailed);
  });
});

it('a lookup that ends frees its slot, whatever its result', async () => {
  const { cache, asked } = scene({ maxLookups: 1 });
  const outcomes: string[] = [];
  const endings: Record<string, () => void> = {
    answered: () => asked.at(-1)?.answer(keyRecord('a')),
    unknown: () => asked.at(-1)?.answer(null),
    failed: () => asked.at(-1)?.fail(),
  };
  for (const end of Object.values(endings)) {
    cache.drop('a');
    const answer = cache.refresh('a', 0) as Promise<KeyEntry>;
    const outcome = answer.then(
      ({ record }) => (record ? 'answered' : 'unknown'),
      () => 'failed',
    );
    end();
    outcomes.push(await outcome);
  }
  expect(outcomes).toEqual(Object.keys(endings));
  expect(asked).toHaveLength(3);
});
