import type { UsagePoint } from '../data/key.ts';
import type { UsageSpan } from '../data/use-usage.ts';
import { month, shortDate, startOfMonth } from '../format/time.ts';
import { boundsOf, boundsWords, type Span } from '../usage/span.ts';
import { day, hour } from './use-now.ts';

/** The measure of a chart; `total` is the running total of bytes. */
export type Measure = 'bytes' | 'total' | 'requests';

/**
 * A day or hour of the current period, and the matching one of the previous period. Months differ in
 * length, so one may be missing.
 */
export interface UsageSlot {
  /** The label on the axis. */
  label: string;
  /** Counts from a round number, so that every second or third label is a round one. */
  ordinal: number;
  current: Date | undefined;
  before: Date | undefined;
  /** The current day or hour is not over. */
  isPartial: boolean;
}

/** A period beside the previous one. */
export interface UsagePeriod {
  /** The two periods in words. */
  current: string;
  before: string;
  /** Both periods in one span, up to the end of the current day or hour: stable until then. */
  span: UsageSpan;
  slots: UsageSlot[];
  /** The possible steps between labels, in slots, and a label's width. */
  labels: { steps: number[]; width: number };
}

const ofMonths = { steps: [1, 2, 5, 10, 15], width: 26 };
const ofDays = { steps: [1, 2, 5, 7, 10, 15, 30], width: 52 };
// 24 hours divide evenly by each of their steps
const ofHours = { steps: [1, 2, 3, 4, 6, 12], width: 46 };

/** The period of a span at `now`, in milliseconds since the epoch. Days and hours are in UTC. */
export function usagePeriod(span: Span, now: number): UsagePeriod {
  return span === 'month' ? monthByDay(now) : besideTheSameBefore(span, now);
}

function monthByDay(now: number): UsagePeriod {
  const before = startOfMonth(now, -1);
  const current = startOfMonth(now);
  const days = (current.getTime() - before.getTime()) / day;
  const currentDays = (startOfMonth(now, 1).getTime() - current.getTime()) / day;
  return {
    current: month(current),
    before: month(before),
    span: { interval: 'day', from: before, to: boundsOf('month', now).to },
    slots: Array.from({ length: Math.max(days, currentDays) }, (_, index) => ({
      isPartial: Math.floor((now - current.getTime()) / day) === index,
      label: String(index + 1),
      ordinal: index,
      current: index < currentDays ? new Date(current.getTime() + index * day) : undefined,
      before: index < days ? new Date(before.getTime() + index * day) : undefined,
    })),
    labels: ofMonths,
  };
}

const names = {
  hours: ['Last 24 hours', 'The 24 hours before'],
  week: ['Last 7 days', 'The 7 days before'],
  days: ['Last 30 days', 'The 30 days before'],
} as const;

function besideTheSameBefore(span: Exclude<Span, 'month'>, now: number): UsagePeriod {
  const { interval, from, to } = boundsOf(span, now);
  const step = interval === 'hour' ? hour : day;
  const length = to.getTime() - from.getTime();
  const begin = new Date(from.getTime() - length);
  const [current, before] =
    typeof span === 'object'
      ? [boundsWords({ from, to }), boundsWords({ from: begin, to: from })]
      : names[span];
  return {
    current,
    before,
    span: { interval, from: begin, to },
    slots: Array.from({ length: length / step }, (_, index) => {
      const time = new Date(from.getTime() + index * step);
      return {
        label: interval === 'hour' ? time.toISOString().slice(11, 16) : shortDate(time),
        ordinal: interval === 'hour' ? time.getUTCHours() : index,
        current: time,
        before: new Date(time.getTime() - length),
        isPartial: time.getTime() <= now && now < time.getTime() + step,
      };
    }),
    labels: interval === 'hour' ? ofHours : ofDays,
  };
}

/** The usage in a slot's two days or hours: undefined if there was none, or the time is in the future. */
export interface UsageBar {
  slot: UsageSlot;
  current: number | undefined;
  before: number | undefined;
}

/** The bars of a period. Points outside it are left out. */
export function usageBars(period: UsagePeriod, points: UsagePoint[], measure: Measure): UsageBar[] {
  const values = new Map(
    points.map((point) => [
      Date.parse(point.start),
      measure === 'requests' ? point.requests : point.bytes_sent + point.bytes_received,
    ]),
  );
  const sums = { current: 0, before: 0 };
  const at = (slot: UsageSlot, which: 'current' | 'before') => {
    const value = slot[which] && values.get(slot[which].getTime());
    if (measure !== 'total' || value === undefined) return value;
    sums[which] += value;
    return sums[which];
  };
  return period.slots.map((slot) => ({
    slot,
    current: at(slot, 'current'),
    before: at(slot, 'before'),
  }));
}

/**
 * Whether points belong to the period, or to the one shown until the last hour or day ended. Older
 * points may still be shown while new ones load.
 */
export function arePointsOf({ span }: UsagePeriod, points: UsagePoint[]): boolean {
  const [first, second] = points;
  const last = points.at(-1);
  if (!first || !second || !last) return false;
  const step = span.interval === 'day' ? day : hour;
  const start = Date.parse(first.start);
  const moved = (time: number, from: Date) => Math.abs(time - from.getTime()) > step;
  return (
    Date.parse(second.start) - start === step &&
    !moved(start, span.from) &&
    !moved(Date.parse(last.start) + step, span.to)
  );
}

/** The total of one of the two periods, and its highest bar. */
export function summarize(
  bars: UsageBar[],
  which: 'current' | 'before',
  measure: Measure,
): { total: number; highest: { time: Date; value: number } | undefined } {
  let total = 0;
  let highest: { time: Date; value: number } | undefined;
  for (const bar of bars) {
    const time = bar.slot[which];
    const value = bar[which] ?? 0;
    total = measure === 'total' ? Math.max(total, value) : total + value;
    if (time && value > (highest?.value ?? 0)) highest = { time, value };
  }
  return { total, highest };
}

/** The step between labels, in slots, for an axis of this width. */
export function labelStep({ labels, slots }: UsagePeriod, width: number): number {
  const { steps, width: labelWidth } = labels;
  return steps.find((step) => (width / slots.length) * step >= labelWidth) ?? slots.length;
}
