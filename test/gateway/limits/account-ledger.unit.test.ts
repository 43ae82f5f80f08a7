import { describe, expect, it } from 'vitest';
import { keyMaxAgeMs } from '../../../gateway/keys/key-cache.ts';
import { entry, event, scene } from './quota-ledger-scene.ts';

/** A lookup of a key of an account whose keys share 1,000 bytes. */
const keyOf = (id: string, askedAt: number, usedBytes: number, accountId = 'an account') =>
  entry(askedAt, 0, id, { id: accountId, limitBytes: 1_000, usedBytes });
const eventOf = (apiKeyId: string, bytes: number) => ({ ...event(bytes), apiKeyId });

describe('the shared bytes of an account’s keys', () => {
  it('are the database’s figure plus what this node has moved for all its keys, and no others', () => {
    const { ledger } = scene();
    ledger.usedTogether(keyOf('a', 0, 0));
    ledger.usedTogether(keyOf('c', 0, 0, 'another'));
    ledger.add('a', 30);
    ledger.add('b', 12);
    ledger.add('c', 500);
    expect(ledger.usedTogether(keyOf('b', 0, 700))).toBe(742);
    expect(ledger.usedTogether(keyOf('a', 0, 700))).toBe(742);
    expect(ledger.usedTogether(entry(0, 700))).toBe(0);
    expect(ledger.usedTogether({ record: null, askedAt: 0 })).toBe(0);
  });

  it('include bytes from before a lookup named the account, as an earlier run leaves them', () => {
    const { ledger, clock } = scene();
    ledger.recover(eventOf('a', 300));
    ledger.recover(eventOf('b', 200));
    ledger.settle([eventOf('b', 150)]);
    expect(ledger.usedTogether(keyOf('a', 0, 100))).toBe(400);
    expect(ledger.usedTogether(keyOf('b', 0, 100))).toBe(600);
    clock.now += 1;
    expect(ledger.usedTogether(keyOf('a', clock.now, 250))).toBe(600);
  });

  it('are the same before and after recording, for a figure from before it', () => {
    const { ledger, clock } = scene();
    const [a, b] = [keyOf('a', 0, 400), keyOf('b', 0, 400)];
    ledger.usedTogether(a);
    ledger.usedTogether(b);
    ledger.add('a', 200);
    ledger.add('b', 100);
    clock.now += 5_000;
    ledger.settle([eventOf('a', 150), eventOf('b', 100)]);
    expect([ledger.usedTogether(a), ledger.usedTogether(b)]).toEqual([700, 700]);
    clock.now += 1;
    expect(ledger.usedTogether(keyOf('b', clock.now, 650))).toBe(700);
  });

  it('include bytes of a key that was idle until it was forgotten', () => {
    const { ledger, clock } = scene();
    ledger.usedTogether(keyOf('a', 0, 0));
    ledger.add('a', 10);
    ledger.settle([eventOf('a', 10)]);
    clock.now += 3 * keyMaxAgeMs;
    ledger.settle([]);
    expect(ledger.size).toBe(0);
    ledger.add('a', 40);
    expect(ledger.usedTogether(keyOf('b', clock.now, 10))).toBe(50);
  });

  it('do not include bytes of a key that moved to another account', () => {
    const { ledger } = scene();
    ledger.usedTogether(keyOf('b', 0, 0));
    ledger.add('b', 5);
    ledger.usedTogether(keyOf('a', 0, 0));
    ledger.add('a', 100);
    expect(ledger.usedTogether(keyOf('a', 0, 0, 'another'))).toBe(100);
    expect(ledger.usedTogether(keyOf('b', 0, 0))).toBe(5);
  });
});

it('the exceeded limit is named: the key’s own, otherwise the shared one', () => {
  const { ledger } = scene();
  expect(ledger.usedUp(keyOf('a', 0, 999))).toBeNull();
  expect(ledger.usedUp(keyOf('a', 0, 1_000))).toBe('account_quota_exceeded');
  const both = keyOf('a', 0, 1_000);
  if (both.record) both.record.bandwidthUsedBytes = both.record.bandwidthLimitBytes;
  expect(ledger.usedUp(both)).toBe('quota_exceeded');
});

it('an account is forgotten once all its keys have aged, in any order', () => {
  const { ledger, clock } = scene();
  const ids = Array.from({ length: 1_000 }, (_, n) => `key ${n}`);
  for (const [n, id] of ids.entries()) {
    ledger.usedTogether(keyOf(id, 0, 0, `account ${n % 7}`));
    ledger.add(id, 10);
  }
  expect(ledger.size).toBe(1_007);
  for (const id of ids) {
    clock.now += 30;
    ledger.settle([eventOf(id, 10)]);
  }
  clock.now += 2 * keyMaxAgeMs + 1;
  ledger.settle([]);
  expect(ledger.size).toBe(0);
});

it('an account is kept while one of its keys has unrecorded bytes', () => {
  const { ledger, clock } = scene();
  ledger.usedTogether(keyOf('a', 0, 0));
  ledger.usedTogether(keyOf('b', 0, 0));
  // the bytes of a dead worker are corrected by a negative charge
  for (const [id, bytes] of [
    ['a', 10],
    ['b', 5],
    ['b', -15],
  ] as const)
    ledger.add(id, bytes);
  clock.now += 10 * keyMaxAgeMs;
  ledger.settle([]);
  expect(ledger.usedTogether(keyOf('b', clock.now, 100))).toBe(110);
});
