import { expect, test } from 'vitest';
import { createLocalRateLimiter } from '../../../gateway/limits/rate-limiter.ts';

/** A limiter whose clock the test sets. */
function limiterAt(startMs = 0) {
  const clock = { now: startMs };
  const limiter = createLocalRateLimiter({ now: () => clock.now });
  return { clock, limiter };
}

/** Numbers from 0 to 1, the same in every run. */
function* randomFrom(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    yield ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}

// after days of running, the clock's numbers are large
const scenes = [1, 2, 3, 7, 10, 50, 199, 200, 1_000].flatMap((rate) =>
  [0, 30 * 24 * 3_600_000].map((startMs) => ({ rate, startMs })),
);

test.each(scenes)(
  'random arrivals at rate $rate, from $startMs ms on, match a token bucket of whole tokens',
  ({ rate, startMs }) => {
    const { clock, limiter } = limiterAt(startMs);
    const random = randomFrom(rate);
    // in thousandths, so that whole milliseconds add whole numbers
    let tokens = rate * 1_000;
    let accepted = 0;
    let refused = 0;
    // checked after the loop, because an assertion costs more than a take
    const wrong: { arrival: number; tokens: number; wait: number }[] = [];
    for (let arrival = 0; arrival < 20_000; arrival++) {
      // bursts above the rate, and pauses that refill the bucket
      const [kind, length] = [random.next().value, random.next().value];
      const longestMs = kind < 0.3 / rate ? 2_000 : kind < 0.5 ? 0 : 1_500 / rate;
      const passed = Math.floor(length * longestMs);
      clock.now += passed;
      tokens = Math.min(rate * 1_000, tokens + passed * rate);
      const wait = limiter.take('key', rate);
      const expected = Math.max(0, 1_000 - tokens) / rate / 1_000;
      const right = expected === 0 ? wait === 0 : wait !== 0 && Math.abs(wait - expected) < 5e-10;
      if (!right) wrong.push({ arrival, tokens, wait });
      if (wait === 0) {
        tokens -= 1_000;
        accepted++;
      } else {
        refused++;
      }
    }
    expect(wrong).toEqual([]);
    expect(Math.min(accepted, refused)).toBeGreaterThan(100);
  },
);

test('no span of time, of any length, sees more than one burst plus the rate', () => {
  const rate = 20;
  const { clock, limiter } = limiterAt();
  const random = randomFrom(7);
  const acceptedAt: number[] = [];
  for (let arrival = 0; arrival < 10_000; arrival++) {
    clock.now += random.next().value ** 4 * 40;
    if (limiter.take('key', rate) === 0) acceptedAt.push(clock.now);
  }
  expect(acceptedAt.length).toBeGreaterThan(500);
  let worst = 0;
  acceptedAt.forEach((from, first) => {
    for (let last = first; last < acceptedAt.length; last++) {
      const spanMs = (acceptedAt[last] ?? 0) - from;
      worst = Math.max(worst, last - first + 1 - (rate * spanMs) / 1_000);
    }
  });
  expect(worst).toBeLessThanOrEqual(rate + 1e-6);
});

test('a refused caller may continue after the returned wait, and not before', () => {
  const { clock, limiter } = limiterAt(1_234.5);
  for (let taken = 0; taken < 3; taken++) expect(limiter.take('key', 3)).toBe(0);
  const wait = limiter.take('key', 3);
  expect(wait).toBeCloseTo(1 / 3, 9);
  clock.now += wait * 1_000 - 0.01;
  expect(limiter.take('key', 3)).toBeGreaterThan(0);
  clock.now += 0.01;
  expect(limiter.take('key', 3)).toBe(0);
});

test('keys do not share a bucket', () => {
  const { limiter } = limiterAt();
  expect(limiter.take('one', 1)).toBe(0);
  expect(limiter.take('one', 1)).toBeGreaterThan(0);
  expect(limiter.take('other', 1)).toBe(0);
});

test('a raised rate applies at once, without a fresh burst', () => {
  const { clock, limiter } = limiterAt();
  for (let taken = 0; taken < 10; taken++) limiter.take('key', 10);
  expect(limiter.take('key', 1_000)).toBeCloseTo(0.001, 9);
  clock.now += 10;
  let accepted = 0;
  while (limiter.take('key', 1_000) === 0) accepted++;
  expect(accepted).toBe(10);
});

test('a lowered rate applies at once', () => {
  const { clock, limiter } = limiterAt();
  for (let taken = 0; taken < 100; taken++) expect(limiter.take('key', 100)).toBe(0);
  expect(limiter.take('key', 2)).toBeCloseTo(0.5, 9);
  clock.now += 500;
  expect(limiter.take('key', 2)).toBe(0);
  expect(limiter.take('key', 2)).toBeCloseTo(0.5, 9);
});

test('a full bucket is forgotten, and any other is kept', () => {
  const { clock, limiter } = limiterAt();
  for (let key = 0; key < 100_000; key++) limiter.take(`key ${key}`, 10);
  for (let second = 0; second < 3; second++) {
    clock.now += 1_001;
    limiter.take('another', 10);
  }
  expect(limiter.size).toBeLessThanOrEqual(2);

  // emptied just before the generations change
  clock.now += 999;
  for (let taken = 0; taken < 10; taken++) limiter.take('emptied', 10);
  clock.now += 2;
  limiter.take('another', 10);
  expect(limiter.take('emptied', 10)).toBeGreaterThan(0);
});

test('a flood of refused CONNECTs takes no memory', () => {
  const { limiter } = limiterAt();
  for (let sent = 0; sent < 10_000; sent++) limiter.take('key', 1);
  expect(limiter.size).toBe(1);
});
