import { describe, expect, it } from 'vitest';
import { findFilters, toQuery } from '../../dashboard/src/admin/find-filters.ts';
import { readFilters, writeFilters } from '../../dashboard/src/components/address-filters.ts';

const secret = '0123456789abcdef'.repeat(4);
const none = { key: '', user: '', label: '', state: '', tier: '', mode: '' };

describe('the filters in an address', () => {
  it('are read as they were written, without empty ones', () => {
    const filters = { ...none, user: 'a+b@example.com', label: 'x & y = #1', mode: 'test' };
    const parameters = writeFilters(findFilters, filters);
    expect([...parameters.keys()]).toEqual(['user', 'label', 'mode']);
    const opened = new URLSearchParams(parameters.toString());
    expect(readFilters(findFilters, opened)).toEqual(filters);
  });

  it('ignore other parameters', () => {
    expect(readFilters(findFilters, new URLSearchParams('page=2&tier=team'))).toEqual({
      ...none,
      tier: 'team',
    });
  });

  it('keep other parameters in the address, and are removed when empty', () => {
    const address = new URLSearchParams('span=week&user=a&tier=team');
    expect(String(writeFilters(findFilters, { user: '', key: 'b' }, address))).toBe(
      'span=week&tier=team&key=b',
    );
  });

  it('never contain a secret, in whatever form it was pasted', () => {
    const keyId = 'avp_live_0123456789ab';
    expect(writeFilters(findFilters, { key: `${keyId}:${secret}` }).get('key')).toBe(keyId);
    expect(writeFilters(findFilters, { key: secret.toUpperCase() }).has('key')).toBe(false);
    expect(
      writeFilters(findFilters, { label: `curl -x ${keyId}:${secret}@host` }).toString(),
    ).not.toContain(secret.slice(0, 16));
  });
});

describe('the search for keys', () => {
  it('has no arguments without a filter', () => {
    expect(toQuery(none)).toEqual({});
  });

  it('has each filter under its database name', () => {
    expect(
      toQuery({ key: 'k', user: 'u', label: 'l', state: 'expired', tier: 'team', mode: 'live' }),
    ).toEqual({
      key_id: 'k',
      user: 'u',
      label: 'l',
      state: 'expired',
      tier: 'team',
      live_mode: true,
    });
    expect(toQuery({ ...none, mode: 'test' })).toEqual({ live_mode: false });
  });

  it('ignores an unknown state or mode', () => {
    expect(toQuery({ ...none, state: 'toString', mode: 'dead' })).toEqual({});
  });
});
