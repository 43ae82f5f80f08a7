import { describe, expect, it } from 'vitest';
import {
  boundsOf,
  boundsWords,
  checkDays,
  readSpan,
  type Span,
  withSpan,
  writeSpan,
} from '../../dashboard/src/usage/span.ts';

const at = (time: string) => Date.parse(time);
const bounds = (span: Span, now: string) => {
  const { interval, from, to } = boundsOf(span, at(now));
  return [interval, from.toISOString().slice(0, 13), to.toISOString().slice(0, 13)];
};

describe('a span', () => {
  it.each([
    // span, now, interval, from, to
    ['hours', '2026-11-29T10:20:00Z', 'hour', '2026-11-28T11', '2026-11-29T11'],
    ['hours', '2027-01-01T00:00:00Z', 'hour', '2026-12-31T01', '2027-01-01T01'],
    ['week', '2026-11-29T10:20:00Z', 'day', '2026-11-23T00', '2026-11-30T00'],
    ['week', '2028-03-01T23:59:59.999Z', 'day', '2028-02-24T00', '2028-03-02T00'],
    ['days', '2027-03-01T00:00:00Z', 'day', '2027-01-31T00', '2027-03-02T00'],
    ['month', '2026-11-01T00:00:00Z', 'day', '2026-11-01T00', '2026-11-02T00'],
    ['month', '2026-11-30T23:59:59.999Z', 'day', '2026-11-01T00', '2026-12-01T00'],
    ['month', '2028-02-29T12:00:00Z', 'day', '2028-02-01T00', '2028-03-01T00'],
  ] as const)('%s at %s has whole UTC hours or days', (span, now, ...expected) => {
    expect(bounds(span, now)).toEqual(expected);
  });

  it('of days includes both, and is by the hour for one or two days', () => {
    const now = '2028-06-01T00:00:00Z';
    expect(bounds({ first: '2028-02-29', last: '2028-02-29' }, now)).toEqual([
      'hour',
      '2028-02-29T00',
      '2028-03-01T00',
    ]);
    expect(bounds({ first: '2028-02-28', last: '2028-03-01' }, now)).toEqual([
      'day',
      '2028-02-28T00',
      '2028-03-02T00',
    ]);
  });

  it('has days of 24 hours even when daylight saving time changes', () => {
    // the nights in which Europe and North America change their clocks
    for (const day of ['2026-03-08', '2026-03-29', '2026-10-25', '2026-11-01']) {
      const { from, to } = boundsOf({ first: day, last: day }, at('2026-12-01T00:00:00Z'));
      expect(to.getTime() - from.getTime()).toBe(24 * 3_600_000);
      expect(from.toISOString()).toBe(`${day}T00:00:00.000Z`);
    }
  });

  it("stays the same until the hour or day ends, and never exceeds the database's limit", () => {
    for (const span of ['hours', 'week', 'days', 'month'] as const) {
      expect(bounds(span, '2026-12-31T23:00:00Z')).toEqual(
        bounds(span, '2026-12-31T23:59:59.999Z'),
      );
      for (let time = at('2027-01-01T00:00:00Z'); time < at('2029-01-01T00:00:00Z'); time += 43e6) {
        const { from, to } = boundsOf(span, time);
        expect((to.getTime() - from.getTime()) / 86_400_000).toBeLessThanOrEqual(31);
        expect(to.getTime()).toBeGreaterThan(time);
      }
    }
  });
});

describe('days that a user enters', () => {
  const now = at('2026-11-29T10:00:00Z');
  const wrong = (first: string, last: string) =>
    Object.keys(checkDays({ first, last }, now)).sort();

  it('can be any up to today, at most 92', () => {
    expect(wrong('2026-11-29', '2026-11-29')).toEqual([]);
    expect(wrong('2026-08-30', '2026-11-29')).toEqual([]);
    expect(wrong('2026-08-29', '2026-11-29')).toEqual(['first']);
    expect(wrong('2026-11-01', '2026-11-30')).toEqual(['last']);
    expect(wrong('2026-11-30', '2026-11-30')).toEqual(['first', 'last']);
    expect(wrong('2026-11-20', '2026-11-19')).toEqual(['last']);
  });

  it('must exist', () => {
    expect(wrong('', '2026-11-29')).toEqual(['first']);
    expect(wrong('2026-11-01', '')).toEqual(['last']);
    expect(wrong('2026-02-29', '2026-03-01')).toContain('first');
    expect(wrong('2026-11-31', '2026-11-29')).toContain('first');
    expect(wrong('12026-11-01', '2026-11-29')).toContain('first');
  });
});

describe('in an address,', () => {
  const now = at('2026-11-29T10:00:00Z');

  it.each([
    'hours',
    'week',
    'days',
    'month',
    { first: '2026-10-01', last: '2026-10-31' },
  ] as Span[])('%j is read as it was written', (span) => {
    expect(readSpan(writeSpan(span), now)).toEqual(span);
  });

  it('an invalid span is this month', () => {
    for (const value of [
      '',
      'year',
      'constructor',
      '2026-10-01',
      '2026-10-31_2026-10-01',
      '2026-10-01_2026-10-02_2026-10-03',
      '2026-11-01_2026-12-31',
      '2025-01-01_2026-01-01',
    ]) {
      expect(readSpan(value, now)).toBe('month');
    }
  });

  it('a link keeps the span', () => {
    expect(withSpan('/', 'month')).toBe('/');
    expect(withSpan('/keys/a', 'week')).toBe('/keys/a?span=week');
    expect(withSpan('/usage/targets?key=a', { first: '2026-10-01', last: '2026-10-02' })).toBe(
      '/usage/targets?key=a&span=2026-10-01_2026-10-02',
    );
  });
});

it('whole days are shown as days, other spans with hours', () => {
  const words = (from: string, to: string) =>
    boundsWords({ from: new Date(from), to: new Date(to) });
  expect(words('2026-11-01T00:00:00Z', '2026-11-02T00:00:00Z')).toBe('1 Nov 2026');
  expect(words('2026-11-01T00:00:00Z', '2026-12-01T00:00:00Z')).toBe('1 Nov 2026 to 30 Nov 2026');
  expect(words('2026-11-28T11:00:00Z', '2026-11-29T11:00:00Z')).toBe(
    '28 Nov 2026, 11:00 to 29 Nov 2026, 11:00',
  );
});
