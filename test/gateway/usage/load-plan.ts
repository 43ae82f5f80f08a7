import type { SeededRandom } from '../../support/gateway/seeded-random.ts';

/** How a tunnel comes to its end. */
const endings = [
  // the client half-closes when it has everything, then the target does
  'client',
  // the client half-closes when it has sent everything, and the target goes on
  'client early',
  // the target closes when it has everything, then the client does
  'target',
  // the target half-closes when it has sent everything, and the client goes on
  'target early',
  // the client closes when it has everything, and does not wait to be told the end
  'client leaves',
] as const;

/** What a client and a target do with the tunnel between them. */
export interface LoadPlan {
  /** Bytes from the client to the target, and back. */
  upload: number;
  download: number;
  /** Both sides send in so many parts, with a pause between two. */
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

/** Small and large, short and long, in every ending. */
export function makePlan(random: SeededRandom): LoadPlan {
  return {
    upload: random.integer(...random.pick(sizes)),
    download: random.integer(...random.pick(sizes)),
    parts: random.integer(1, 12) === 1 ? random.integer(20, 60) : random.integer(1, 2),
    ending: random.pick(endings),
  };
}
