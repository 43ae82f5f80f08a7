import type { OutcomePoint } from '../data/burns.ts';

/** The kinds of outcomes, in a bar's order from the bottom. */
export const outcomeKinds = ['ok', 'refused', 'failed'] as const;
export type OutcomeKind = (typeof outcomeKinds)[number];

/** A part of a bar, with its start and end as a share of the highest bar (0 to 1). */
export interface BarPart {
  kind: OutcomeKind;
  from: number;
  to: number;
}

/** Each point as the parts of a stacked bar, without empty parts. */
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

/** “99.5 %”; “100 %” only if all were served; a dash if there are no requests. */
export function rateWords(ok: number, all: number): string {
  if (all === 0) return '–';
  const tenths = Math.floor((ok / all) * 1_000);
  return `${tenths / 10} %`;
}
