import { median, type Spread, spreadOf } from './statistics.ts';

/** One side of a comparison: rounds of the same work, each returning the duration of every piece. */
export interface Side {
  /** Prepares the next round, untimed. */
  prepare?(): Promise<unknown>;
  round(): Promise<number[]>;
}

/** The result of comparing two sides. */
export interface Comparison {
  candidate: Spread;
  baseline: Spread;
  /** The median over all rounds of candidate ÷ baseline, by the median of each round. */
  ratio: number;
}

/**
 * Runs rounds of both sides in turn, alternating which goes first, so that other load on the machine
 * affects both. The first rounds, which warm up caches and compilers, are not counted.
 */
export async function interleave(options: {
  candidate: Side;
  baseline: Side;
  rounds: number;
  warmUpRounds: number;
  signal: AbortSignal;
}): Promise<Comparison> {
  const { candidate, baseline, rounds, warmUpRounds, signal } = options;
  const counted: { candidate: number[]; baseline: number[] }[] = [];
  for (let round = -warmUpRounds; round < rounds; round++) {
    const durations = new Map<Side, number[]>();
    for (const side of round % 2 === 0 ? [candidate, baseline] : [baseline, candidate]) {
      signal.throwIfAborted();
      await side.prepare?.();
      durations.set(side, await side.round());
    }
    if (round < 0) continue;
    counted.push({
      candidate: durations.get(candidate) ?? [],
      baseline: durations.get(baseline) ?? [],
    });
  }
  return {
    candidate: spreadOf(counted.flatMap((round) => round.candidate)),
    baseline: spreadOf(counted.flatMap((round) => round.baseline)),
    ratio: median(counted.map((round) => median(round.candidate) / median(round.baseline))),
  };
}

/** Times each call of `work`, one after another. */
export async function timeEach(
  count: number,
  work: (index: number) => Promise<unknown>,
  before?: (index: number) => Promise<unknown>,
): Promise<number[]> {
  const durations: number[] = [];
  for (let index = 0; index < count; index++) {
    await before?.(index);
    const startedAt = performance.now();
    await work(index);
    durations.push(performance.now() - startedAt);
  }
  return durations;
}
