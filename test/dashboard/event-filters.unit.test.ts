import { describe, expect, it } from 'vitest';
import { readFilters, writeFilters } from '../../dashboard/src/components/address-filters.ts';
import {
  checkFilters,
  type EventFilters,
  eventFilters,
  eventQuery,
  isFiltered,
  noFilters,
  tidy,
  withoutWrong,
} from '../../dashboard/src/key/event-filters.ts';

const all: EventFilters = {
  from: '2026-11-01',
  to: '2026-11-30',
  status: '502',
  host: 'shop.example.com',
  code: 'target_unreachable',
};
const read = (search: string) =>
  withoutWrong(readFilters(eventFilters, new URLSearchParams(search)));
const write = (filters: EventFilters) => writeFilters(eventFilters, tidy(filters)).toString();

describe('the event filters in an address', () => {
  it('are read as they were written', () => {
    expect(read(write(all))).toEqual(all);
    const strange = { ...noFilters, host: 'a&b=c#d?e%+ü' };
    expect(read(write(strange))).toEqual(strange);
  });

  it('omit empty values and surrounding spaces', () => {
    expect(write(noFilters)).toBe('');
    expect(write({ ...noFilters, host: ' a.example ', status: ' ' })).toBe('host=a.example');
  });

  it.each([
    ['from=2026-02-31'],
    ['from=0000-01-01'],
    ['from=yesterday'],
    ['to=12026-01-01'],
    ['status=1000'],
    ['status=99'],
    ['status=2e2'],
    [`host=${'a'.repeat(256)}`],
    ['code=Rate_limited'],
    ['code=rate-limited'],
    ['code=7'],
    [`code=${'a'.repeat(65)}`],
    ['page=2'],
  ])('are ignored if they are invalid: %s', (search) => {
    expect(read(search)).toEqual(noFilters);
  });

  it('keep valid values next to invalid ones', () => {
    expect(read('from=2026-11-02&to=2026-11-01&status=200')).toEqual({
      ...noFilters,
      from: '2026-11-02',
      status: '200',
    });
  });
});

describe('the event filters for the database', () => {
  it('include the whole last day', () => {
    expect(eventQuery(all)).toEqual({
      from: '2026-11-01T00:00:00.000Z',
      to: '2026-12-01T00:00:00.000Z',
      status_code: 502,
      target_host: 'shop.example.com',
      code: 'target_unreachable',
    });
    expect(eventQuery({ ...noFilters, to: '2028-02-28' })).toEqual({
      to: '2028-02-29T00:00:00.000Z',
    });
  });

  it('have no argument for an empty filter', () => {
    expect(eventQuery(noFilters)).toEqual({});
    expect(eventQuery({ ...noFilters, host: '  ' })).toEqual({});
  });
});

describe('the check of event filters', () => {
  it('finds no errors in valid filters', () => {
    expect(checkFilters(noFilters)).toEqual({});
    expect(checkFilters(all)).toEqual({});
    expect(checkFilters({ ...all, to: all.from })).toEqual({});
    // counted as in the database
    expect(checkFilters({ ...noFilters, host: '💸'.repeat(255) })).toEqual({});
    // a target may answer with any three digits
    expect(checkFilters({ ...noFilters, status: '999', code: 'a'.repeat(64) })).toEqual({});
  });

  it('finds an error in each invalid field', () => {
    const wrong = {
      from: '1',
      to: '2026-13-01',
      status: '1000',
      host: 'a'.repeat(256),
      code: 'Too many',
    };
    expect(Object.keys(checkFilters(wrong)).sort()).toEqual(Object.keys(wrong).sort());
    expect(Object.keys(checkFilters({ ...all, from: '2026-12-01' }))).toEqual(['to']);
  });

  it('distinguishes empty filters', () => {
    expect(isFiltered(noFilters)).toBe(false);
    expect(isFiltered({ ...noFilters, status: '200' })).toBe(true);
  });
});
