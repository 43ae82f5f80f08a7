import { afterEach, describe, expect, it } from 'vitest';
import { type KeyEntry, LookupFailed } from '../../../gateway/keys/key-cache.ts';
import { keyRecord, keyCacheScene as scene } from './key-cache-scene.ts';

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
afterEach(async () => {
  // Node tells of them once the microtasks have run
  await new Promise((resolve) => setImmediate(resolve));
  expect(unhandled.splice(0)).toEqual([]);
});

describe('a look-up', () => {
  it('is one for a hundred that ask at once', async () => {
    const { cache, asked } = scene();
    const answers = Array.from({ length: 100 }, () => cache.get('a'));
    expect(asked).toHaveLength(1);
    asked[0]?.answer(keyRecord('a'));
    const entries = await Promise.all(answers);
    expect(new Set(entries).size).toBe(1);
    expect(asked).toHaveLength(1);
    expect(cache.counts).toMatchObject({ hit: 0, miss: 100 });
  });

  it('of one key does not wait for that of another', async () => {
    const { cache, asked } = scene();
    void cache.get('a');
    const b = cache.get('b');
    asked[1]?.answer(keyRecord('b'));
    expect((await b).record?.keyId).toBe('b');
  });

  it('that fails is LookupFailed to all who wait, and is not kept', async () => {
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

  it('that throws at once is LookupFailed too', async () => {
    const { cache } = scene({
      lookUp() {
        throw new Error('no pool');
      },
    });
    await expect(cache.get('a')).rejects.toBeInstanceOf(LookupFailed);
  });

  it('that fails does not take away what is kept', async () => {
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

  it('is refused while too many are under way', async () => {
    const { cache, asked } = scene({ maxLookups: 2 });
    const a = cache.get('a');
    void cache.get('b');
    await expect(cache.get('c')).rejects.toBeInstanceOf(LookupFailed);
    expect(asked).toHaveLength(2);
    // those who join one begin none
    const joined = cache.get('a');
    asked[0]?.answer(keyRecord('a'));
    expect(await joined).toBe(await a);
    const c = cache.get('c');
    asked[2]?.answer(keyRecord('c'));
    expect((await c).record?.keyId).toBe('c');
  });

  it('that no longer counts still takes its place until it ends', async () => {
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

  it('that took longer than 30 s is asked for again: its answer would be too old', async () => {
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
  it('of a kept key has it looked up anew', async () => {
    const { cache, asked, fill } = scene();
    await fill('a');
    await fill('b');
    cache.drop('a');
    expect(cache.peek('a')).toBeUndefined();
    expect(cache.peek('b')).toBeDefined();
    expect((await fill('a', keyRecord('a', 2))).record?.secretHash).toEqual(Buffer.from([2]));
    expect(asked).toHaveLength(3);
  });

  it('during a look-up gives all who wait a fresh answer, and never the old', async () => {
    const { cache, asked } = scene();
    const before = Array.from({ length: 10 }, () => cache.get('a'));
    cache.drop('a');
    const after = Array.from({ length: 10 }, () => cache.get('a'));
    expect(asked).toHaveLength(2);
    asked[1]?.answer(keyRecord('a', 2));
    expect((await Promise.all(after)).map(({ record }) => record?.secretHash[0])).toEqual(
      Array.from({ length: 10 }, () => 2),
    );
    // the old answer comes last, and counts for nobody
    asked[0]?.answer(keyRecord('a', 1));
    await expect.poll(() => asked.length).toBe(3);
    asked[2]?.answer(keyRecord('a', 2));
    expect((await Promise.all(before)).map(({ record }) => record?.secretHash[0])).toEqual(
      Array.from({ length: 10 }, () => 2),
    );
    expect(cache.peek('a')?.record?.secretHash[0]).toBe(2);
    expect(asked).toHaveLength(3);
  });

  it('during a look-up that nobody repeats leaves nothing of the old answer', async () => {
    const { cache, asked } = scene();
    const before = cache.get('a');
    cache.drop('a');
    asked[0]?.answer(keyRecord('a', 1));
    await expect.poll(() => asked.length).toBe(2);
    expect(cache.peek('a')).toBeUndefined();
    asked[1]?.answer(keyRecord('a', 2));
    expect((await before).record?.secretHash[0]).toBe(2);
  });

  it('of an unknown key during its look-up counts too', async () => {
    const { cache, asked } = scene();
    const before = cache.get('a');
    cache.drop('a');
    asked[0]?.answer(null);
    await expect.poll(() => asked.length).toBe(2);
    asked[1]?.answer(keyRecord('a'));
    expect((await before).record).not.toBeNull();
    expect(cache.size).toEqual({ known: 1, unknown: 0 });
  });

  it('at each look-up of a key makes it fail in the end', async () => {
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

  it('during a look-up that then fails fails those who wait', async () => {
    const { cache, asked } = scene();
    const answer = Promise.resolve(cache.get('a'));
    cache.drop('a');
    asked[0]?.fail();
    await expect(answer).rejects.toBeInstanceOf(LookupFailed);
  });
});

it('a look-up that has ended leaves its place to another, however it ended', async () => {
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
