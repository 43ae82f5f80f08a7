import type { OutcomePoint } from '../data/burns.ts';

/** The kinds of outcomes in the order in which a bar has them, from below. */
export const outcomeKinds = ['ok', 'refused', 'failed'] as const;
export type OutcomeKind = (typeof outcomeKinds)[number];

/** A part of a bar: from which height to which, as a share of the highest bar (0 to 1). */
export interface BarPart {
  kind: OutcomeKind;
  from: number;
  to: number;
}

/** Each point as the parts of a stacked bar; what did not occur has no part. */
export function stack(points: OutcomePoint[]): BarPart[][] {
  const highest = Math.max(1, ...points.map((point) => point.ok + point.refused + point.failed));
  return points.map((point) => {
    let from = 0;
    return outcomeKinds.flatMap((kind) => {
      if (point[kind] === 0) return [];
      const part = { kind, from, to: from + point[kind] / highest };
      from = part.to;
      return [part];
    });
  });
}

/** “99.5 %”: never “100 %” of what was not all served; a dash without a request. */
export function rateWords(ok: number, all: number): string {
  if (all === 0) return '–';
  const tenths = Math.floor((ok / all) * 1_000);
  return `${tenths / 10} %`;
}
