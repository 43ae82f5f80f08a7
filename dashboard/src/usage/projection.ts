import { startOfMonth } from '../format/time.ts';
import { hour } from '../usage-chart/use-now.ts';

/** How little of a month says nothing about the rest of it. */
const tooEarly = 6 * hour;

/** What a month comes to if the rest of it is used like what is over. */
export interface Projection {
  /** The bytes at its end. */
  atEnd: number;
  /** When the quota is used up at this pace, where that is before the month ends. */
  usedUpAt: Date | undefined;
}

/**
 * Where the usage of the month that ends at `resetsAt` leads, at `now`. Undefined in the first hours of
 * the month, and where the quota is used up already: nothing more is let through then.
 */
export function project(
  { used, limit }: { used: number; limit: number },
  { resetsAt, now }: { resetsAt: string; now: number },
): Projection | undefined {
  const end = Date.parse(resetsAt);
  // the database knows which month it is; a browser's clock may be wrong
  const start = startOfMonth(end, -1).getTime();
  const over = Math.min(now, end) - start;
  if (over < tooEarly || used >= limit) return undefined;
  const length = end - start;
  const atEnd = Math.round((used / over) * length);
  const usedUpAt = atEnd > limit ? new Date(start + over * (limit / used)) : undefined;
  return { atEnd, usedUpAt };
}
