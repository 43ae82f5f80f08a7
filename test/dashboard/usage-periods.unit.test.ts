import { describe, expect, it } from 'vitest';
import type { UsagePoint } from '../../dashboard/src/data/key.ts';
import {
  arePointsOf,
  labelStep,
  summarize,
  type UsagePeriod,
  usageBars,
  usagePeriod,
} from '../../dashboard/src/usage-chart/usage-periods.ts';

const at = (time: string) => Date.parse(time);
const spanOf = ({ span }: UsagePeriod) => [
  span.interval,
  span.from.toISOString(),
  span.to.toISOString(),
];
const sides = (period: UsagePeriod, index: number) => {
  const slot = period.slots.at(index);
  return [slot?.label, slot?.current?.toISOString(), slot?.before?.toISOString()];
};
const point = (start: string, fields: Partial<UsagePoint> = {}): UsagePoint => ({
  start,
  requests: 1,
  bytes_sent: 10,
  bytes_received: 100,
  ...fields,
});

describe('this month, by day', () => {
  it('spans both months, up to the end of today', () => {
    const period = usagePeriod('month', at('2026-11-23T05:25:00Z'));
    expect(spanOf(period)).toEqual(['day', '2026-10-01T00:00:00.000Z', '2026-11-24T00:00:00.000Z']);
    expect([period.current, period.before]).toEqual(['November 2026', 'October 2026']);
    expect(sides(period, 0)).toEqual(['1', '2026-11-01T00:00:00.000Z', '2026-10-01T00:00:00.000Z']);
  });

  it.each([
    // now, slots, the last slot's days
    ['2026-11-30T23:59:59.999Z', 31, undefined, '2026-10-31T00:00:00.000Z'],
    ['2026-12-01T00:00:00Z', 31, '2026-12-31T00:00:00.000Z', undefined],
    ['2027-01-15T12:00:00Z', 31, '2027-01-31T00:00:00.000Z', '2026-12-31T00:00:00.000Z'],
    ['2027-02-28T23:00:00Z', 31, undefined, '2027-01-31T00:00:00.000Z'],
    ['2027-03-01T00:00:00Z', 31, '2027-03-31T00:00:00.000Z', undefined],
  ])('has a slot for each day of the longer month at %s', (now, slots, current, before) => {
    const period = usagePeriod('month', at(now));
    expect(period.slots).toHaveLength(slots);
    expect(sides(period, -1)).toEqual([String(slots), current, before]);
  });

  it('knows the leap day', () => {
    const days = (now: string, side: 'current' | 'before') =>
      usagePeriod('month', at(now)).slots.filter((slot) => slot[side]).length;
    expect(days('2028-02-10T00:00:00Z', 'current')).toBe(29);
    expect(days('2028-03-10T00:00:00Z', 'before')).toBe(29);
    expect(days('2027-03-10T00:00:00Z', 'before')).toBe(28);
    expect(days('2100-02-10T00:00:00Z', 'current')).toBe(28);
  });

  it('requests the same span until the day ends, then one day more, then the next month', () => {
    const span = (now: string) => spanOf(usagePeriod('month', at(now)));
    expect(span('2026-11-29T00:00:00Z')).toEqual(span('2026-11-29T23:59:59.999Z'));
    expect(span('2026-11-30T00:00:00Z')).toEqual([
      'day',
      '2026-10-01T00:00:00.000Z',
      '2026-12-01T00:00:00.000Z',
    ]);
    expect(span('2026-12-01T00:00:00Z')).toEqual([
      'day',
      '2026-11-01T00:00:00.000Z',
      '2026-12-02T00:00:00.000Z',
    ]);
  });

  it("stays within the database's limit per call", () => {
    for (let time = at('2027-01-01T00:00:00Z'); time < at('2029-01-01T00:00:00Z'); time += 43e6) {
      const { from, to } = usagePeriod('month', time).span;
      expect((to.getTime() - from.getTime()) / 86_400_000).toBeLessThanOrEqual(62);
      expect(to.getTime()).toBeGreaterThan(time);
    }
  });
});

describe('last 24 hours, by hour', () => {
  it('has the current hour last, next to the same hour of the day before', () => {
    const period = usagePeriod('hours', at('2026-11-23T05:25:00Z'));
    expect(spanOf(period)).toEqual([
      'hour',
      '2026-11-21T06:00:00.000Z',
      '2026-11-23T06:00:00.000Z',
    ]);
    expect(period.slots).toHaveLength(24);
    expect(sides(period, 0)).toEqual([
      '06:00',
      '2026-11-22T06:00:00.000Z',
      '2026-11-21T06:00:00.000Z',
    ]);
    expect(sides(period, -1)).toEqual([
      '05:00',
      '2026-11-23T05:00:00.000Z',
      '2026-11-22T05:00:00.000Z',
    ]);
  });

  it('requests the same span until the hour ends', () => {
    const span = (now: string) => spanOf(usagePeriod('hours', at(now)));
    expect(span('2027-02-28T23:00:00Z')).toEqual(span('2027-02-28T23:59:59.999Z'));
    expect(span('2027-03-01T00:00:00Z')).toEqual([
      'hour',
      '2027-02-27T01:00:00.000Z',
      '2027-03-01T01:00:00.000Z',
    ]);
  });
});

describe('bars', () => {
  const period = usagePeriod('month', at('2027-03-02T10:00:00Z'));
  const points = [
    point('2027-02-01T00:00:00+00:00', { requests: 3 }),
    point('2027-02-28T00:00:00+00:00', { bytes_received: 0 }),
    point('2027-03-01T00:00:00+00:00', { requests: 0, bytes_sent: 0, bytes_received: 0 }),
    point('2027-03-02T00:00:00+00:00', { bytes_sent: 4 }),
  ];

  it('are at their days: zero usage is zero, and a future or nonexistent day has no value', () => {
    const bars = usageBars(period, points, 'bytes').map(({ current, before }) => [current, before]);
    expect(bars[0]).toEqual([0, 110]);
    expect(bars[1]).toEqual([104, undefined]);
    expect(bars[27]).toEqual([undefined, 10]);
    expect(bars[30]).toEqual([undefined, undefined]);
  });

  it('show the selected measure', () => {
    const [first, second] = usageBars(period, points, 'requests');
    expect([first?.before, second?.current]).toEqual([3, 1]);
  });

  it('have a total and a maximum for each month', () => {
    const bars = usageBars(period, points, 'bytes');
    expect(summarize(bars, 'before', 'bytes')).toEqual({
      total: 120,
      highest: { time: new Date('2027-02-01T00:00:00Z'), value: 110 },
    });
    expect(summarize(bars, 'current', 'bytes')).toEqual({
      total: 104,
      highest: { time: new Date('2027-03-02T00:00:00Z'), value: 104 },
    });
    expect(summarize(usageBars(period, [], 'bytes'), 'current', 'bytes')).toEqual({
      total: 0,
      highest: undefined,
    });
  });

  it('as running totals start with each month, and end at future days', () => {
    const bars = usageBars(period, points, 'total').map(({ current, before }) => [current, before]);
    expect(bars[0]).toEqual([0, 110]);
    expect(bars[1]).toEqual([104, undefined]);
    expect(bars[27]).toEqual([undefined, 120]);
    expect(summarize(usageBars(period, points, 'total'), 'before', 'total').total).toBe(120);
  });

  describe('accept points', () => {
    const pointsOf = ({ span }: UsagePeriod, days = 0) => {
      const step = span.interval === 'day' ? 86_400_000 : 3_600_000;
      const count = (span.to.getTime() - span.from.getTime()) / step;
      return Array.from({ length: count }, (_, index) =>
        point(new Date(span.from.getTime() + (index + days) * step).toISOString()),
      );
    };
    const spans = ['hours', 'week', 'days', 'month'] as const;
    const now = at('2027-03-02T10:00:00Z');

    it('of exactly their own period', () => {
      for (const shown of spans) {
        const fit = spans.filter((span) =>
          arePointsOf(usagePeriod(shown, now), pointsOf(usagePeriod(span, now))),
        );
        expect(fit).toEqual([shown]);
      }
      expect(arePointsOf(period, [])).toBe(false);
    });

    it('of the previous hour or day, until their own arrive', () => {
      const week = usagePeriod('week', now);
      expect(arePointsOf(week, pointsOf(week, -1))).toBe(true);
      expect(arePointsOf(week, pointsOf(week, -2))).toBe(false);
    });
  });
});

describe('any other span is shown next to the same number of days before it', () => {
  it('by day', () => {
    const period = usagePeriod(
      { first: '2028-02-28', last: '2028-03-01' },
      at('2028-05-01T00:00:00Z'),
    );
    expect(spanOf(period)).toEqual(['day', '2028-02-25T00:00:00.000Z', '2028-03-02T00:00:00.000Z']);
    expect(period.slots.map(({ label }) => label)).toEqual(['28 Feb', '29 Feb', '1 Mar']);
    expect(sides(period, 0)).toEqual([
      '28 Feb',
      '2028-02-28T00:00:00.000Z',
      '2028-02-25T00:00:00.000Z',
    ]);
  });

  it('by hour for one or two days', () => {
    const period = usagePeriod(
      { first: '2026-03-29', last: '2026-03-29' },
      at('2026-05-01T00:00:00Z'),
    );
    expect(period.slots).toHaveLength(24);
    expect(period.current).toBe('29 Mar 2026');
    expect(period.before).toBe('28 Mar 2026');
  });
});

describe('axis labels', () => {
  it('become fewer as the chart becomes narrower', () => {
    const period = usagePeriod('month', at('2026-11-23T05:25:00Z'));
    const steps = [1200, 900, 500, 250, 120, 60, 0].map((width) => labelStep(period, width));
    expect(steps).toEqual([1, 1, 2, 5, 10, 15, 31]);
  });

  it('of hours divide the day evenly, so they stay at round hours', () => {
    const period = usagePeriod('hours', at('2026-11-23T05:25:00Z'));
    for (const width of [1200, 900, 700, 500, 300, 200, 100, 0]) {
      expect(24 % labelStep(period, width)).toBe(0);
    }
    expect(period.slots.map(({ ordinal }) => ordinal).slice(17, 20)).toEqual([23, 0, 1]);
  });
});

it.each([
  ['month', '2026-11-23T05:25:00Z', '2026-11-23T00:00:00.000Z'],
  ['week', '2026-11-23T00:00:00Z', '2026-11-23T00:00:00.000Z'],
  ['hours', '2026-11-23T05:59:59Z', '2026-11-23T05:00:00.000Z'],
  [{ first: '2026-11-20', last: '2026-11-23' }, '2026-11-23T05:00:00Z', '2026-11-23T00:00:00.000Z'],
  [{ first: '2026-11-20', last: '2026-11-22' }, '2026-11-23T05:00:00Z', undefined],
] as const)('in %j, the bar in progress at %s is marked as partial', (span, now, partial) => {
  const { slots } = usagePeriod(span, at(now));
  const found = slots.filter(({ isPartial }) => isPartial);
  expect(found.map(({ current }) => current?.toISOString())).toEqual(partial ? [partial] : []);
});
