import { bytes, counted, number } from '../format/amount.ts';
import { date, dateTime } from '../format/time.ts';
import type { Segment } from './segments.tsx';
import { type Measure, summarize, type UsageBar, type UsagePeriod } from './usage-periods.ts';

/** The names of the measures. */
export const measureNames: Record<Measure, Segment> = {
  bytes: { name: 'Traffic' },
  total: { name: 'Traffic, running total' },
  requests: { name: 'Requests' },
};

/** A day, or an hour of a day. */
export function timeWords({ span }: UsagePeriod, time: Date): string {
  return span.interval === 'day' ? date(time) : dateTime(time);
}

/** “1.2 GB”, or “12,345”. */
export function amountWords(measure: Measure, value: number): string {
  return measure === 'requests' ? number(value) : bytes(value);
}

/** Marks an amount that is not final: “1.2 GB so far”. */
export function soFarWords(words: string, isPartial: boolean): string {
  return isPartial ? `${words} so far` : words;
}

/** The words for a missing value: the month has no such day, or the day is in the future. */
export function missingWords(time: Date | undefined): string {
  return time ? 'not yet' : 'no such day';
}

/** Describes the chart in a few sentences. */
export function chartWords(
  period: UsagePeriod,
  bars: UsageBar[],
  measure: Measure,
  quota?: number,
): string {
  const what = measureNames[measure].name.toLowerCase();
  const sentence = (which: 'current' | 'before') => {
    const { total, highest } = summarize(bars, which, measure);
    if (!highest) return `${period[which]}: no ${what}.`;
    const all = measure === 'requests' ? counted(total, 'request') : bytes(total);
    if (measure === 'total') return `${period[which]}: ${all} in total.`;
    const most = `${amountWords(measure, highest.value)} on ${timeWords(period, highest.time)}`;
    return `${period[which]}: ${all} in total, at most ${most}.`;
  };
  const limit = quota === undefined ? '' : ` The quota is ${bytes(quota)}.`;
  const by = `${measureNames[measure].name} by ${period.span.interval}.`;
  return `${by} ${sentence('current')} ${sentence('before')}${limit}`;
}
