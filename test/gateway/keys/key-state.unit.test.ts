import { describe, expect, it } from 'vitest';
import type { KeyRecord } from '../../../gateway/keys/key-lookup.ts';
import { areOfKey, hasExpired, inService } from '../../../gateway/keys/key-state.ts';
import { keyRecord } from './key-cache-scene.ts';

const askedAt = 5_000;
const entry = (changes: Partial<KeyRecord>) => ({
  askedAt,
  record: { ...keyRecord('a'), ...changes },
});

describe('an expiry', () => {
  it.each([
    ['never', null, 1e15, false],
    ['not before its deadline', 1_000, 5_999.9, false],
    ['at its deadline', 1_000, 6_000, true],
    ['after it', 1_000, 6_001, true],
    ['at once, when it is in the past', -1, 5_000, true],
    ['at once, when it is now', 0, 5_000, true],
  ])('is reached %s', (_, expiresInMs, now, expired) => {
    const key = entry({ expiresInMs });
    expect(hasExpired(key, now)).toBe(expired);
    expect(inService(key, now)).toBe(!expired);
  });

  it('does not exist for an unknown key, which is not in service either', () => {
    expect(hasExpired({ askedAt, record: null }, 1e15)).toBe(false);
    expect(inService({ askedAt, record: null }, askedAt)).toBe(false);
  });

  it('in the future does not put a key in service that the database shows as inactive', () => {
    expect(inService(entry({ active: false, expiresInMs: 1_000 }), askedAt)).toBe(false);
    expect(inService(entry({ active: false }), askedAt)).toBe(false);
  });
});

describe('valid credentials', () => {
  const current = Buffer.alloc(32, 1);
  const previous = Buffer.alloc(32, 2);
  const inGrace = entry({
    secretHash: current,
    previousHash: previous,
    previousEndsInMs: 1_000,
  });
  const are = (secretHash: Buffer, key: Parameters<typeof areOfKey>[1], now: number) =>
    areOfKey({ keyId: 'a', secretHash }, key, now);

  it.each([
    ['in a grace: both secrets', 5_999.9, [true, true]],
    ['at its end: only the current secret', 6_000, [true, false]],
    ['after it: only the current secret', 1e15, [true, false]],
  ])('%s', (_, now, both) => {
    expect([are(current, inGrace, now), are(previous, inGrace, now)]).toEqual(both);
    expect(are(Buffer.alloc(32, 3), inGrace, now)).toBe(false);
  });

  it.each([
    ['no end', { previousHash: previous, previousEndsInMs: null }],
    ['an end that is now', { previousHash: previous, previousEndsInMs: 0 }],
    ['an end but no hash', { previousHash: null, previousEndsInMs: 1_000 }],
  ])('only have the current secret if the previous one has %s', (_, changes) => {
    const key = entry({ secretHash: current, ...changes });
    expect([are(current, key, askedAt), are(previous, key, askedAt)]).toEqual([true, false]);
  });

  it('do not exist for an unknown key', () => {
    expect(are(current, { askedAt, record: null }, askedAt)).toBe(false);
  });
});
