import { describe, expect, it } from 'vitest';
import { bytes, counted, number, percent } from '../../dashboard/src/format/amount.ts';
import {
  ago,
  clockTime,
  date,
  dateTime,
  fromNow,
  month,
  period,
  shortDate,
  span,
  startOfMonth,
} from '../../dashboard/src/format/time.ts';

describe('amounts', () => {
  it('of bytes use powers of ten and three digits', () => {
    const cases: [number, string][] = [
      [0, '0 B'],
      [999, '999 B'],
      [1_000, '1 kB'],
      [0.5, '0.5 B'],
      [1_234, '1.23 kB'],
      [1_000_400, '1 MB'],
      [999_499, '999 kB'],
      [999_500, '1 MB'],
      [5_000_000_000, '5 GB'],
      [1_000_000_000_000, '1 TB'],
      [Number.MAX_SAFE_INTEGER, '9.01 PB'],
    ];
    for (const [count, words] of cases) expect(bytes(count)).toBe(words);
  });

  it('as a percentage never round up to 100 % or down to 0 %', () => {
    expect(percent(0, 100)).toBe('0 %');
    expect(percent(1, 100_000)).toBe('< 1 %');
    expect(percent(999, 1_000)).toBe('99 %');
    expect(percent(1_000, 1_000)).toBe('100 %');
    expect(percent(15_000, 1_000)).toBe('1,500 %');
    expect(percent(1, 0)).toBe('over');
  });

  it('have separators, and singular or plural nouns', () => {
    expect([0, 999, 1_000, 12_345_678, 1234.5678, -1_234].map(number)).toEqual([
      '0',
      '999',
      '1,000',
      '12,345,678',
      '1,234.5678',
      '-1,234',
    ]);
    expect([counted(0, 'key'), counted(1, 'key'), counted(1_500, 'key')]).toEqual([
      '0 keys',
      '1 key',
      '1,500 keys',
    ]);
  });
});

describe('times', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');

  it('are relative to now, rounded towards it', () => {
    const cases: [string, string][] = [
      ['2026-11-23T12:00:00Z', 'just now'],
      ['2026-11-23T11:59:01Z', 'just now'],
      ['2026-11-23T12:00:30Z', 'within a minute'],
      ['2026-11-23T11:58:59Z', '1 minute ago'],
      ['2026-11-23T09:00:01Z', '2 hours ago'],
      ['2026-11-22T12:00:00Z', '1 day ago'],
      ['2026-11-25T12:00:00Z', 'in 2 days'],
      ['2024-10-23T12:00:00Z', '2 years ago'],
    ];
    for (const [time, words] of cases) expect(fromNow(time, now)).toBe(words);
  });

  it('in the past are never shown as in the future if the browser’s clock is slow', () => {
    expect(ago('2026-11-23T12:00:40Z', now)).toBe('just now');
    expect(ago('2026-11-23T09:00:01Z', now)).toBe('2 hours ago');
  });

  it('to wait are never shown shorter than they are', () => {
    const waits = [1, 119, 120, 121, 7_140, 7_141, 90_000].map(span);
    expect(waits).toEqual(['1 s', '119 s', '2 min', '3 min', '119 min', '2 h', '25 h']);
  });

  it('are shown in UTC, and labeled as such', () => {
    expect(dateTime('2026-11-23T23:30:00+00:00')).toBe('23 Nov 2026, 23:30 UTC');
    expect(dateTime('2026-09-01T01:05:00+02:00')).toBe('31 Aug 2026, 23:05 UTC');
    expect(date('2026-09-01T00:00:00Z')).toBe('1 Sep 2026');
    expect(shortDate('2026-12-31T23:59:59Z')).toBe('31 Dec');
    expect(clockTime('2026-11-23T05:02:07.9Z')).toBe('05:02:07');
    expect(month('2026-12-01T00:00:00Z')).toBe('December 2026');
  });

  it('have UTC months, also across years', () => {
    const january = Date.parse('2027-01-31T23:59:59.999Z');
    expect(startOfMonth(january).toISOString()).toBe('2027-01-01T00:00:00.000Z');
    expect(period(startOfMonth(january, -1))).toBe('2026-12');
    expect(period(startOfMonth(january, 1))).toBe('2027-02');
  });
});
