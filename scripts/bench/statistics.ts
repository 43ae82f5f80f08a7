/** The statistics of a series of durations, in milliseconds. */
export interface Spread {
  count: number;
  median: number;
  p99: number;
}

/** The median and 99th percentile of `durations`. */
export function spreadOf(durations: number[]): Spread {
  return { count: durations.length, median: median(durations), p99: quantile(durations, 0.99) };
}

/** The middle value. */
export function median(values: number[]): number {
  return quantile(values, 0.5);
}

/** The quantile at `share`, interpolated between neighboring values. */
export function quantile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * share;
  const lower = sorted[Math.floor(position)];
  const upper = sorted[Math.ceil(position)];
  if (lower === undefined || upper === undefined) throw new Error('a quantile of no values');
  return lower + (upper - lower) * (position - Math.floor(position));
}
