import { expect, it } from 'vitest';
import { type KeyEntry, keyMaxAgeMs } from '../../../gateway/keys/key-cache.ts';
import { newBytes, type UsageEvent } from '../../../gateway/usage/usage-event.ts';
import { apiKeyId, entry, event, markMs, scene } from './quota-ledger-scene.ts';

/** Reproducible random numbers, so that a failure can be investigated. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** The increase of the database's figure. */
function bytesOf(event: UsageEvent): number {
  const { sent, received } = newBytes(event);
  return sent + received;
}

/**
 * A node and its database, with random orders of events: bytes are moved and charged, a row's
 * reports contain all of it so far, events are committed before the node knows, and lookups read
 * the database some time after they start and are used until they expire.
 */
function model(seed: number) {
  const random = createRandom(seed);
  const { ledger, clock } = scene(random(2) * 1_000);
  let moved = 0;
  let charged = 0;
  /** The reported bytes of the open row: undefined before its first report. */
  let reported: number | undefined;
  let committed = 0;
  const open: UsageEvent[] = [];
  const unacknowledged: UsageEvent[] = [];
  /** The start times of running lookups, and the answered ones. */
  const openAt: number[] = [];
  const answered: { entry: KeyEntry; readAt: number; committed: number }[] = [];
  const settled: { at: number; bytes: number }[] = [];

  const steps = [
    function move() {
      const bytes = random(1_000);
      moved += bytes;
      ledger.add(apiKeyId, bytes);
    },
    function report() {
      if (random(3) === 0) reported = undefined;
      const bytes = (reported ?? 0) + moved - charged;
      charged = moved;
      open.push(event(bytes, reported));
      reported = bytes;
    },
    function commit() {
      const batch = open.splice(0, random(4));
      for (const each of batch) committed += bytesOf(each);
      unacknowledged.push(...batch);
    },
    function acknowledge() {
      const batch = unacknowledged.splice(0, random(4));
      ledger.settle(batch);
      for (const each of batch) settled.push({ at: clock.now, bytes: bytesOf(each) });
    },
    function ask() {
      openAt.push(clock.now);
    },
    function read() {
      const [askedAt] = openAt.splice(random(openAt.length), 1);
      if (askedAt === undefined) return;
      answered.push({ entry: entry(askedAt, committed), readAt: clock.now, committed });
    },
    function pass() {
      clock.now += random(3) * random(2_000);
    },
  ];
  return {
    step: () => steps[random(steps.length)]?.(),
    /** The current value of every figure that is still valid, with its allowed bounds. */
    figures: () =>
      answered
        .filter((answer) => clock.now - answer.entry.askedAt <= keyMaxAgeMs)
        .map((answer) => ({
          used: ledger.used(answer.entry),
          truth: moved,
          // all that was recorded, or may have been, since about the start of the lookup
          twice:
            settled
              .filter(({ at }) => at >= answer.entry.askedAt - markMs)
              .reduce((sum, { bytes }) => sum + bytes, 0) +
            unacknowledged.reduce((sum, e) => sum + e.bytesSent + e.bytesReceived, 0),
        })),
    end() {
      clock.now += 3 * keyMaxAgeMs;
      ledger.settle([...unacknowledged, ...open, event(moved - charged)]);
      clock.now += 3 * keyMaxAgeMs;
      ledger.settle([]);
      return ledger.size;
    },
  };
}

it('a figure is never too low, and too high by at most the bytes recorded since its lookup', () => {
  let judged = 0;
  for (let seed = 1; seed <= 200; seed += 1) {
    const { step, figures, end } = model(seed);
    for (let count = 0; count < 300; count += 1) {
      step();
      for (const { used, truth, twice } of figures()) {
        judged += 1;
        if (used < truth || used > truth + twice) {
          expect({ seed, count, used }).toEqual({ seed, count, used: truth });
        }
      }
    }
    expect(end()).toBe(0);
  }
  expect(judged).toBeGreaterThan(100_000);
});
