import { describe, expect, it } from 'vitest';
import {
  checkAllowedClients,
  readAllowedClients,
  writeAllowedClients,
} from '../../dashboard/src/key/allowed-clients.ts';
import { fromLocalInput, toLocalInput } from '../../dashboard/src/key/expiry.ts';

describe('allowed clients', () => {
  it('are written one per line, a single-address range as its address', () => {
    const ranges = ['203.0.113.7/32', '10.0.0.0/8', '2001:db8::1/128', '2001:db8::/32'];
    expect(writeAllowedClients(ranges)).toBe('203.0.113.7\n10.0.0.0/8\n2001:db8::1\n2001:db8::/32');
  });

  it('are read from lines, in order and without duplicates', () => {
    expect(readAllowedClients(' 10.0.0.0/8 \r\n\n203.0.113.7, 10.0.0.0/8;2001:db8::1\n')).toEqual([
      '10.0.0.0/8',
      '203.0.113.7',
      '2001:db8::1',
    ]);
    expect(readAllowedClients('\n  \n')).toEqual([]);
  });

  it.each([['203.0.113.7'], ['10.0.0.0/8'], ['2001:DB8::/32'], ['::1'], ['::'], ['::ffff:0a00:1']])(
    '%s looks like one',
    (range) => {
      expect(checkAllowedClients([range])).toBeUndefined();
    },
  );

  it.each([
    ['example.com'],
    ['10.0.0.0/8 office'],
    ['10'],
    ['10.0.0.0/'],
    ['10.0.0.0-10.0.0.9'],
    ['http://10.0.0.1'],
  ])('%s does not look like one, and the message names it', (range) => {
    expect(checkAllowedClients(['10.0.0.1', range])).toContain(range);
  });

  it('are limited to 50', () => {
    const ranges = Array.from({ length: 51 }, (_, index) => `10.0.0.${index}`);
    expect(checkAllowedClients(ranges.slice(1))).toBeUndefined();
    expect(checkAllowedClients(ranges)).toContain('51');
  });
});

describe('an expiry', () => {
  it('is entered in UTC, whatever the browser’s time zone', () => {
    expect(fromLocalInput('2027-03-04T05:06')).toBe('2027-03-04T05:06:00.000Z');
    expect(fromLocalInput('2027-03-04T05:06:07')).toBe('2027-03-04T05:06:07.000Z');
    expect(toLocalInput('2027-03-04T05:06:07.123456+00:00')).toBe('2027-03-04T05:06');
    expect(toLocalInput('2027-03-04T05:06:07+02:00')).toBe('2027-03-04T03:06');
  });

  it.each([[''], ['2027-03-04'], ['2027-13-04T05:06'], ['12027-03-04T05:06'], ['soon']])(
    'is undefined if “%s” is entered',
    (entered) => {
      expect(fromLocalInput(entered)).toBeUndefined();
    },
  );
});
