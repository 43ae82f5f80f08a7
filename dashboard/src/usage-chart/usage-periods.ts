import type { UsagePoint } from '../data/key.ts';
import type { UsageSpan } from '../data/use-usage.ts';
import { month, startOfMonth } from '../format/time.ts';
import { day, hour } from './use-now.ts';

/** The periods to choose from. */
export const periodNames = {
  month: { name: 'This month', detail: 'by day' },
  hours: { name: 'Last 24 hours', detail: 'by hour' },
};
export type PeriodName = keyof typeof periodNames;

/** What is measured. */
export type Measure = 'bytes' | 'requests';

/** A day or hour of the current period, and the one it stands beside. Months differ in length, so one may be missing. */
export interface UsageSlot {
  /** What the axis says. */
  label: string;
  /** Counts on from a round number, so that every second or third label is a round one. */
  ordinal: number;
  current: Date | undefined;
  before: Date | undefined;
}

/** A period beside the one before it. */
export interface UsagePeriod {
  name: PeriodName;
  /** The two periods in words. */
  current: string;
  before: string;
  /** Both periods in one, up to the end of the current day or hour: the same until that ends. */
  span: UsageSpan;
  slots: UsageSlot[];
}

/** The period of that name at `now`, in milliseconds since the epoch. Days and hours are of UTC. */
export function usagePeriod(name: PeriodName, now: number): UsagePeriod {
  return name === 'month' ? monthByDay(now) : hoursByHour(now);
}

function monthByDay(now: number): UsagePeriod {
  const before = startOfMonth(now, -1);
  const current = startOfMonth(now);
  const days = (current.getTime() - before.getTime()) / day;
  const currentDays = (startOfMonth(now, 1).getTime() - current.getTime()) / day;
  return {
    name: 'month',
    current: month(current),
    before: month(before),
    span: { interval: 'day', from: before, to: new Date(Math.floor(now / day) * day + day) },
    slots: Array.from({ length: Math.max(days, currentDays) }, (_, index) => ({
      label: String(index + 1),
      ordinal: index,
      current: index < currentDays ? new Date(current.getTime() + index * day) : undefined,
      before: index < days ? new Date(before.getTime() + index * day) : undefined,
    })),
  };
}

function hoursByHour(now: number): UsagePeriod {
  const end = Math.floor(now / hour) * hour + hour;
  return {
    name: 'hours',
    current: 'Last 24 hours',
    before: 'The 24 hours before',
    span: { interval: 'hour', from: new Date(end - 2 * day), to: new Date(end) },
    slots: Array.from({ length: 24 }, (_, index) => {
      const current = new Date(end - day + index * hour);
      return {
        label: current.toISOString().slice(11, 16),
        ordinal: current.getUTCHours(),
        current,
        before: new Date(current.getTime() - day),
      };
    }),
  };
}

/** What was used in a slot's two days or hours: nothing said where there is none, or it is yet to come. */
export interface UsageBar {
  slot: UsageSlot;
  current: number | undefined;
  before: number | undefined;
}

/** The bars of a period. Points that are not of it are left out. */
export function usageBars(period: UsagePeriod, points: UsagePoint[], measure: Measure): UsageBar[] {
  const values = new Map(
    points.map((point) => [
      Date.parse(point.start),
      measure === 'requests' ? point.requests : point.bytes_sent + point.bytes_received,
    ]),
  );
  const at = (time: Date | undefined) => time && values.get(time.getTime());
  return period.slots.map((slot) => ({ slot, current: at(slot.current), before: at(slot.before) }));
}

/** Whether points are by the hour or day as the period is: others may still be shown while its own are on their way. */
export function arePointsOf({ span }: UsagePeriod, [first, second]: UsagePoint[]): boolean {
  if (!first || !second) return false;
  return (
    Date.parse(second.start) - Date.parse(first.start) === (span.interval === 'day' ? day : hour)
  );
}

/** What one of the two periods comes to, and its highest bar. */
export function summarize(
  bars: UsageBar[],
  which: 'current' | 'before',
): { total: number; highest: { time: Date; value: number } | undefined } {
  let total = 0;
  let highest: { time: Date; value: number } | undefined;
  for (const bar of bars) {
    const time = bar.slot[which];
    const value = bar[which] ?? 0;
    total += value;
    if (time && value > (highest?.value ?? 0)) highest = { time, value };
  }
  return { total, highest };
}

// 24 hours divide evenly by each of their steps
const labels = {
  month: { steps: [1, 2, 5, 10, 15], labelWidth: 26 },
  hours: { steps: [1, 2, 3, 4, 6, 12], labelWidth: 46 },
};

/** Every how many slots there is room for a label on an axis so wide. */
export function labelStep({ name, slots }: UsagePeriod, width: number): number {
  const { steps, labelWidth } = labels[name];
  return steps.find((step) => (width / slots.length) * step >= labelWidth) ?? slots.length;
}
