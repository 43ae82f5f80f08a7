import type { SeededRandom } from '../../support/gateway/seeded-random.ts';

/** How a tunnel ends. */
const endings = [
  // the client half-closes when it has received everything, then the target does
  'client',
  // the client half-closes when it has sent everything, and the target continues
  'client early',
  // the target closes when it has received everything, then the client does
  'target',
  // the target half-closes when it has sent everything, and the client continues
  'target early',
  // the client closes when it has received everything, without waiting for the target's end
  'client leaves',
] as const;

/** The actions of a client and a target in a tunnel. */
export interface LoadPlan {
  /** Bytes from the client to the target, and back. */
  upload: number;
  download: number;
  /** The number of parts that each side sends, with a pause between them. */
  parts: number;
  ending: (typeof endings)[number];
}

const sizes: [least: number, most: number][] = [
  [1, 200],
  [1, 200],
  [200, 20_000],
  [200, 20_000],
  [20_000, 400_000],
  [400_000, 2_000_000],
];

/** A random plan: small or large, short or long, with any ending. */
export function makePlan(random: SeededRandom): LoadPlan {
  return {
    upload: random.integer(...random.pick(sizes)),
    download: random.integer(...random.pick(sizes)),
    parts: random.integer(1, 12) === 1 ? random.integer(20, 60) : random.integer(1, 2),
    ending: random.pick(endings),
  };
}
