import { describe, expect, it } from 'vitest';
import { KeyCache, keyMaxAgeMs, LookupFailed } from '../../../gateway/keys/key-cache.ts';
import { keyRecord, keyCacheScene as scene } from './key-cache-scene.ts';

describe('an entry', () => {
  it.each([
    ['a known key', keyRecord('a')],
    ['an unknown key', null],
  ])('of %s is valid for 30 s from the start of its lookup', async (_, record) => {
    const { cache, clock, asked } = scene();
    const first = cache.get('a');
    clock.now += 20_000;
    asked[0]?.answer(record);
    expect(await first).toEqual({ record, askedAt: 1_000 });
    clock.now = 31_000;
    expect(cache.get('a')).toEqual({ record, askedAt: 1_000 });
    clock.now = 31_001;
    expect(cache.peek('a')).toBeUndefined();
    const second = cache.get('a');
    expect(second).toBeInstanceOf(Promise);
    expect(asked).toHaveLength(2);
    asked[1]?.answer(record);
    expect(await second).toEqual({ record, askedAt: 31_001 });
  });

  it('does not live longer because it is used', async () => {
    const { cache, clock, fill } = scene();
    await fill('a');
    for (let second = 0; second < 30; second += 1) {
      clock.now += 1_000;
      expect(cache.get('a')).not.toBeInstanceOf(Promise);
    }
    clock.now += 1;
    expect(cache.peek('a')).toBeUndefined();
  });

  it('expires also if the clock started at 0', async () => {
    const { cache, clock, fill } = scene({ begin: 0 });
    await fill('a');
    clock.now = 30_000;
    expect(cache.peek('a')).toBeDefined();
    clock.now = 30_001;
    expect(cache.peek('a')).toBeUndefined();
  });

  it('is returned without a promise', async () => {
    const { cache, asked, fill } = scene();
    const looked = await fill('a');
    expect(cache.get('a')).toBe(looked);
    expect(cache.refresh('a', 1_000)).toBe(looked);
    expect(asked).toHaveLength(1);
    expect(cache.counts).toEqual({ hit: 1, miss: 1, failed: 0 });
  });

  it('of an unknown key is replaced after the key is minted and announced', async () => {
    const { cache, fill } = scene();
    await fill('a', null);
    expect(cache.size).toEqual({ known: 0, unknown: 1 });
    cache.drop('a');
    await fill('a');
    expect(cache.size).toEqual({ known: 1, unknown: 0 });
    expect(cache.peek('a')?.record).not.toBeNull();
  });

  it('that is older than the caller accepts is looked up again, and replaced', async () => {
    const { cache, clock, asked, fill } = scene();
    await fill('a');
    clock.now += 999;
    expect(cache.refresh('a', 1_000)).not.toBeInstanceOf(Promise);
    clock.now += 1;
    const refreshed = cache.refresh('a', 1_000);
    expect(asked).toHaveLength(2);
    asked[1]?.answer(keyRecord('a', 2));
    expect((await refreshed).record?.secretHash).toEqual(Buffer.from([2]));
    expect(cache.peek('a')).toEqual({ record: keyRecord('a', 2), askedAt: 2_000 });
  });
});

describe('a cache that is off', () => {
  it('is the initial state', () => {
    const cache = new KeyCache({ lookUp: async () => null, now: () => 0 });
    expect(cache.on).toBe(false);
  });

  it('asks the database each time', async () => {
    const { cache, asked, fill } = scene();
    await fill('a');
    await fill('b', null);
    cache.switchOff();
    expect(cache.on).toBe(false);
    expect(cache.peek('a')).toBeUndefined();
    await fill('a');
    await fill('b', null);
    await fill('a');
    expect(asked).toHaveLength(5);
  });

  it('falls back on its last entry, for up to 30 s, if the database is away', async () => {
    const { cache, asked, clock, fill } = scene();
    await fill('a');
    cache.switchOff();
    const whileAway = () => {
      const answer = Promise.resolve(cache.get('a'));
      asked.at(-1)?.fail();
      return answer;
    };
    clock.now += keyMaxAgeMs;
    expect(await whileAway()).toMatchObject({ record: keyRecord('a'), uncertain: true });
    clock.now += 1;
    await expect(whileAway()).rejects.toBeInstanceOf(LookupFailed);
  });

  it('does not fall back on a dropped entry, or on one from before it was switched on', async () => {
    const { cache, asked, fill } = scene();
    await fill('a');
    await fill('b');
    cache.switchOff();
    cache.drop('a');
    const dropped = Promise.resolve(cache.get('a'));
    asked.at(-1)?.fail();
    await expect(dropped).rejects.toBeInstanceOf(LookupFailed);
    cache.switchOn();
    expect(cache.size).toEqual({ known: 0, unknown: 0 });
    const before = Promise.resolve(cache.get('b'));
    asked.at(-1)?.fail();
    await expect(before).rejects.toBeInstanceOf(LookupFailed);
  });

  it.each([
    ['off', (cache: KeyCache) => cache.switchOff()],
    [
      'off and on',
      (cache: KeyCache) => {
        cache.switchOff();
        cache.switchOn();
      },
    ],
    ['on', (cache: KeyCache) => cache.switchOn()],
  ])('ignores a lookup that started before it was switched %s', async (_, turn) => {
    const { cache, asked } = scene();
    const before = cache.get('a');
    turn(cache);
    const after = cache.get('a');
    expect(asked).toHaveLength(2);
    asked[0]?.answer(keyRecord('a', 1));
    await new Promise((resolve) => setImmediate(resolve));
    expect(cache.size).toEqual({ known: 0, unknown: 0 });
    asked[1]?.answer(keyRecord('a', 2));
    expect((await before).record).toEqual(keyRecord('a', 2));
    expect((await after).record).toEqual(keyRecord('a', 2));
    expect(asked).toHaveLength(2);
    expect(cache.peek('a') !== undefined).toBe(cache.on);
  });

  it('caches again after it is switched on', async () => {
    const { cache, fill } = scene();
    cache.switchOff();
    cache.switchOn();
    await fill('a');
    expect(cache.peek('a')).toBeDefined();
  });
});

describe('its memory', () => {
  it('is bounded: the least recently used key is evicted', async () => {
    const { cache, fill } = scene({ maxKeys: 3 });
    for (const keyId of ['a', 'b', 'c']) await fill(keyId);
    cache.get('a');
    await fill('d');
    expect(cache.size.known).toBe(3);
    expect(cache.peek('b')).toBeUndefined();
    for (const keyId of ['a', 'c', 'd']) expect(cache.peek(keyId)).toBeDefined();
  });

  it('is not taken from real keys by a flood of made-up keys', async () => {
    const { cache, asked, fill } = scene({ maxUnknown: 100 });
    const real = Array.from({ length: 1_000 }, (_, index) => `real ${index}`);
    for (const keyId of real) await fill(keyId);
    for (let index = 0; index < 10_000; index += 1) await fill(`made up ${index}`, null);
    expect(cache.size).toEqual({ known: 1_000, unknown: 100 });
    const before = asked.length;
    for (const keyId of real) expect(cache.get(keyId)).not.toBeInstanceOf(Promise);
    expect(asked).toHaveLength(before);
  });
});
