import { startOfMonth } from '../format/time.ts';
import { hour } from '../usage-chart/use-now.ts';

/** Before this much of a month has passed, there is no projection. */
const tooEarly = 6 * hour;

/** A month's usage if the pace so far continues. */
export interface Projection {
  /** The bytes at the end of the month. */
  atEnd: number;
  /** When the quota is used up at this pace, if that is before the month ends. */
  usedUpAt: Date | undefined;
}

/**
 * Projects at `now` the usage of the month that ends at `resetsAt`. Undefined in the month's first
 * hours, and if the quota is used up, because no more traffic is allowed then.
 */
export function project(
  { used, limit }: { used: number; limit: number },
  { resetsAt, now }: { resetsAt: string; now: number },
): Projection | undefined {
  const end = Date.parse(resetsAt);
  // the month comes from the database, because a browser's clock may be wrong
  const start = startOfMonth(end, -1).getTime();
  const over = Math.min(now, end) - start;
  if (over < tooEarly || used >= limit) return undefined;
  const length = end - start;
  const atEnd = Math.round((used / over) * length);
  const usedUpAt = atEnd > limit ? new Date(start + over * (limit / used)) : undefined;
  return { atEnd, usedUpAt };
}
