import { describe, expect, it } from 'vitest';
import { rateWords, stack } from '../../dashboard/src/usage/outcome-bars.ts';
import { project } from '../../dashboard/src/usage/projection.ts';

const gb = 1e9;
const november = '2026-12-01T00:00:00+00:00';
const at = (now: string, used: number, limit = 25 * gb, resetsAt = november) =>
  project({ used, limit }, { resetsAt, now: Date.parse(now) });

describe('the projection of a month', () => {
  it('extrapolates the usage so far to the whole month', () => {
    // ten of thirty days
    expect(at('2026-11-11T00:00:00Z', 5 * gb)).toEqual({ atEnd: 15 * gb, usedUpAt: undefined });
    expect(at('2026-11-16T00:00:00Z', 0)).toEqual({ atEnd: 0, usedUpAt: undefined });
  });

  it('shows when the quota is used up, if that is before the end of the month', () => {
    expect(at('2026-11-11T00:00:00Z', 10 * gb)).toEqual({
      atEnd: 30 * gb,
      usedUpAt: new Date('2026-11-26T00:00:00Z'),
    });
    expect(at('2026-11-11T00:00:00Z', 10 * gb, 30 * gb)?.usedUpAt).toBeUndefined();
    expect(at('2026-11-11T00:00:00Z', 10 * gb, 30 * gb - 1)?.usedUpAt).toBeDefined();
  });

  it('is missing in the first hours, and after the quota is used up', () => {
    expect(at('2026-11-01T00:00:00Z', gb)).toBeUndefined();
    expect(at('2026-11-01T05:59:59.999Z', gb)).toBeUndefined();
    expect(at('2026-11-01T06:00:00Z', gb)).toBeDefined();
    expect(at('2026-11-11T00:00:00Z', 25 * gb)).toBeUndefined();
    expect(at('2026-11-11T00:00:00Z', 0, 0)).toBeUndefined();
  });

  it.each([
    ['2026-03-01T00:00:00Z', '2026-02-15T00:00:00Z', 28 / 14],
    ['2028-03-01T00:00:00Z', '2028-02-15T00:00:00Z', 29 / 14],
    ['2027-01-01T00:00:00Z', '2026-12-02T00:00:00Z', 31],
    // daylight saving time changes in these months, but not in UTC
    ['2026-04-01T00:00:00Z', '2026-03-31T00:00:00Z', 31 / 30],
    ['2026-11-01T00:00:00Z', '2026-10-31T00:00:00Z', 31 / 30],
  ])('knows the length of the month that ends at %s', (resetsAt, now, factor) => {
    expect(at(now, gb, 100 * gb, resetsAt)?.atEnd).toBe(Math.round(gb * factor));
  });

  it("uses the database's month, whatever the browser’s clock", () => {
    expect(at('2026-10-15T00:00:00Z', gb)).toBeUndefined();
    expect(at('2026-12-24T00:00:00Z', gb)?.atEnd).toBe(gb);
  });
});

describe('outcomes over time', () => {
  it('are stacked, and the highest bar has the full height', () => {
    const bars = stack([
      { start: '2026-11-01', ok: 6, refused: 0, failed: 2 },
      { start: '2026-11-02', ok: 0, refused: 4, failed: 0 },
      { start: '2026-11-03', ok: 0, refused: 0, failed: 0 },
    ]);
    expect(bars).toEqual([
      [
        { kind: 'ok', from: 0, to: 0.75 },
        { kind: 'failed', from: 0.75, to: 1 },
      ],
      [{ kind: 'refused', from: 0, to: 0.5 }],
      [],
    ]);
  });

  it('have a success rate of 100 % only if all succeed', () => {
    expect(rateWords(1_000, 1_000)).toBe('100 %');
    expect(rateWords(99_999, 100_000)).toBe('99.9 %');
    expect(rateWords(0, 5)).toBe('0 %');
    expect(rateWords(0, 0)).toBe('–');
  });
});
