import { describe, expect, it } from 'vitest';
import { keyMaxAgeMs } from '../../../gateway/keys/key-cache.ts';
import { apiKeyId, entry, event, markMs, scene } from './quota-ledger-scene.ts';

describe('the used bytes of a key', () => {
  it('are the database’s figure while this node has moved none', () => {
    const { ledger } = scene();
    expect(ledger.used(entry(0, 700))).toBe(700);
    expect(ledger.used({ record: null, askedAt: 0 })).toBe(0);
  });

  it('are that figure plus what this node has moved, sent and received', () => {
    const { ledger } = scene();
    ledger.add(apiKeyId, 30);
    ledger.add(apiKeyId, 12);
    ledger.add('another key', 1_000);
    expect(ledger.used(entry(0, 700))).toBe(742);
  });

  it('are the same before and after recording, for a figure from before it', () => {
    const { ledger, clock } = scene();
    const before = entry(clock.now, 700);
    ledger.add(apiKeyId, 300);
    clock.now += 5_000;
    ledger.settle([event(100), event(150)]);
    expect(ledger.used(before)).toBe(1_000);
    clock.now += keyMaxAgeMs - 5_000;
    ledger.settle([event(50)]);
    expect(ledger.used(before)).toBe(1_000);
  });

  it('are the same while the reports of a row, each with all of its bytes, are recorded', () => {
    const { ledger, clock } = scene();
    const before = entry(clock.now, 500);
    ledger.add(apiKeyId, 300);
    clock.now += 5_000;
    ledger.settle([event(100)]);
    expect(ledger.used(before)).toBe(800);
    ledger.settle([event(250, 100), event(300, 250)]);
    expect(ledger.used(before)).toBe(800);
    clock.now += 1;
    expect(ledger.used(entry(clock.now, 800))).toBe(800);
  });

  it('are not counted twice for a figure from after it', () => {
    const { ledger, clock } = scene();
    ledger.add(apiKeyId, 300);
    ledger.settle([event(200)]);
    clock.now += 1;
    expect(ledger.used(entry(clock.now, 200))).toBe(300);
  });

  it('are too high rather than too low for a figure from the same moment', () => {
    const { ledger, clock } = scene();
    ledger.add(apiKeyId, 300);
    ledger.settle([event(200)]);
    expect(ledger.used(entry(clock.now, 200))).toBe(500);
  });

  it('are right for a figure that is used long after it was read', () => {
    const { ledger, clock } = scene();
    const read = entry(clock.now, 700);
    ledger.add(apiKeyId, 300);
    clock.now += 1;
    ledger.settle([event(300)]);
    // the entry was fresh when it was read, but a rate limiter took its time
    clock.now += keyMaxAgeMs + 3_000;
    ledger.settle([event(0)]);
    expect(ledger.used(read)).toBe(1_000);
  });
});

it.each([
  [999, null],
  [1_000, 'quota_exceeded'],
  [1_001, 'quota_exceeded'],
])('with %i of 1000 bytes, the exceeded limit is %s', (bytes, usedUp) => {
  const { ledger } = scene();
  ledger.add(apiKeyId, 10);
  expect(ledger.usedUp(entry(0, bytes - 10))).toBe(usedUp);
});

it('an unknown key exceeds nothing, and a limit of 0 is exceeded at once', () => {
  const { ledger } = scene();
  expect(ledger.usedUp({ record: null, askedAt: 0 })).toBeNull();
  const none = entry(0, 0);
  if (none.record) none.record.bandwidthLimitBytes = 0;
  expect(ledger.usedUp(none)).toBe('quota_exceeded');
});

it('a key is forgotten once all is recorded and every older figure has expired', () => {
  const { ledger, clock } = scene();
  ledger.add(apiKeyId, 0);
  expect(ledger.size).toBe(0);
  for (let index = 0; index < 1_000; index += 1) ledger.add(`key ${index}`, 10);
  expect(ledger.size).toBe(1_000);
  const events = Array.from({ length: 1_000 }, (_, index) => ({
    ...event(10),
    apiKeyId: `key ${index}`,
  }));
  ledger.settle(events);
  expect(ledger.size).toBe(1_000);
  clock.now += 2 * keyMaxAgeMs + 1;
  ledger.settle([]);
  expect(ledger.size).toBe(0);
});

it('a key with unrecorded bytes is kept for as long as they exist', () => {
  const { ledger, clock } = scene();
  ledger.add(apiKeyId, 10);
  ledger.settle([event(9)]);
  clock.now += 10 * keyMaxAgeMs;
  ledger.settle([]);
  expect(ledger.size).toBe(1);
  expect(ledger.used(entry(clock.now, 9))).toBe(10);
});

it('bytes that were never added are not subtracted', () => {
  const { ledger, clock } = scene();
  ledger.settle([event(500)]);
  expect(ledger.used(entry(clock.now, 700))).toBe(700);
  ledger.add(apiKeyId, 10);
  expect(ledger.used(entry(clock.now, 700))).toBe(710);
});

it('bytes recorded within a second share one mark, too high rather than too low', () => {
  const { ledger, clock } = scene();
  ledger.add(apiKeyId, 350);
  ledger.settle([event(100)]);
  clock.now += markMs - 1;
  ledger.settle([event(200)]);
  expect(ledger.used(entry(clock.now, 300))).toBe(300 + 50 + 300);
  clock.now += 1;
  ledger.settle([event(50)]);
  expect(ledger.used(entry(clock.now, 350))).toBe(350 + 50);
});

// a filter over every mark in every batch exceeded the test's timeout
it('a batch per millisecond costs no more than an occasional batch', () => {
  const { ledger, clock } = scene();
  const others = 1_000;
  for (let index = 0; index < others; index += 1) ledger.add(`key ${index}`, 1);
  const batches = 100_000;
  for (let batch = 1; batch <= batches; batch += 1) {
    ledger.add(apiKeyId, 1);
    ledger.settle([event(1)]);
    clock.now += 1;
  }
  expect(ledger.used(entry(clock.now - 1, batches - 1))).toBeLessThanOrEqual(batches + markMs);
  expect(ledger.size).toBe(others + 1);
});
