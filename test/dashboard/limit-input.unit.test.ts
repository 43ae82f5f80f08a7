import { describe, expect, it } from 'vitest';
import {
  readConnections,
  readGigabytes,
  writeGigabytes,
} from '../../dashboard/src/admin/limit-input.ts';

describe('readGigabytes', () => {
  it.each([
    ['0', 0],
    ['5', 5_000_000_000],
    ['2.5', 2_500_000_000],
    ['.5', 500_000_000],
    ['1.', 1_000_000_000],
    ['  1000 ', 1_000_000_000_000],
    ['007', 7_000_000_000],
    ['0.1', 100_000_000],
    // floating-point multiplication by 1e9 yields 8199999999.999999 and 1004999999.9999999
    ['8.2', 8_200_000_000],
    ['1.005', 1_005_000_000],
    ['0.000000001', 1],
    ['0.0000000010000', 1],
    ['123.456789012', 123_456_789_012],
    ['9007199.254740991', Number.MAX_SAFE_INTEGER],
  ])('reads %j as exact bytes', (typed, bytes) => {
    expect(readGigabytes(typed)).toBe(bytes);
  });

  it.each([
    '',
    ' ',
    '.',
    '-1',
    '+1',
    '1e3',
    '1,5',
    '1,000',
    '1 000',
    '1.2.3',
    '5 GB',
    '0x10',
    'NaN',
    'Infinity',
    '٣',
    '0.0000000001',
    '9007199.254740992',
    '99999999999999999999999',
  ])('does not read %j', (typed) => {
    expect(readGigabytes(typed)).toBeUndefined();
  });
});

describe('writeGigabytes', () => {
  it.each([
    [0, '0'],
    [1, '0.000000001'],
    [999_999_999, '0.999999999'],
    [5_000_000_000, '5'],
    [10_000_000_000, '10'],
    [8_200_000_000, '8.2'],
    [Number.MAX_SAFE_INTEGER, '9007199.254740991'],
  ])('writes %d bytes exactly, so that they read back unchanged', (bytes, written) => {
    expect(writeGigabytes(bytes)).toBe(written);
    expect(readGigabytes(written)).toBe(bytes);
  });
});

describe('readConnections', () => {
  it.each([
    ['0', 0],
    ['1', 1],
    [' 25 ', 25],
    ['1000001', 1_000_001],
  ])('reads %j', (typed, rate) => {
    expect(readConnections(typed)).toBe(rate);
  });

  it.each(['', '-1', '1.5', '1e3', '1,000', '9'.repeat(16), 'ten', '٣'])(
    'does not read %j',
    (typed) => {
      expect(readConnections(typed)).toBeUndefined();
    },
  );
});
