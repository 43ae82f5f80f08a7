import { describe, expect, it } from 'vitest';
import { findFilters, toQuery } from '../../dashboard/src/admin/find-filters.ts';
import { readFilters, writeFilters } from '../../dashboard/src/components/address-filters.ts';

const secret = '0123456789abcdef'.repeat(4);
const none = { key: '', user: '', label: '', state: '', tier: '', mode: '' };

describe('the filters of an address', () => {
  it('are read as they were written, without those that are none', () => {
    const filters = { ...none, user: 'a+b@example.com', label: 'x & y = #1', mode: 'test' };
    const parameters = writeFilters(findFilters, filters);
    expect([...parameters.keys()]).toEqual(['user', 'label', 'mode']);
    const opened = new URLSearchParams(parameters.toString());
    expect(readFilters(findFilters, opened)).toEqual(filters);
  });

  it('know nothing of other parameters', () => {
    expect(readFilters(findFilters, new URLSearchParams('page=2&tier=team'))).toEqual({
      ...none,
      tier: 'team',
    });
  });

  it('leave what else the address has, and go where they are none', () => {
    const address = new URLSearchParams('span=week&user=a&tier=team');
    expect(String(writeFilters(findFilters, { user: '', key: 'b' }, address))).toBe(
      'span=week&tier=team&key=b',
    );
  });

  it('never hold a secret, however it was pasted', () => {
    const keyId = 'avp_live_0123456789ab';
    expect(writeFilters(findFilters, { key: `${keyId}:${secret}` }).get('key')).toBe(keyId);
    expect(writeFilters(findFilters, { key: secret.toUpperCase() }).has('key')).toBe(false);
    expect(
      writeFilters(findFilters, { label: `curl -x ${keyId}:${secret}@host` }).toString(),
    ).not.toContain(secret.slice(0, 16));
  });
});

describe('what keys are looked for', () => {
  it('is everything without a filter', () => {
    expect(toQuery(none)).toEqual({});
  });

  it('is each filter as the database names it', () => {
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

  it('is not narrowed by a state or mode that there is not', () => {
    expect(toQuery({ ...none, state: 'toString', mode: 'dead' })).toEqual({});
  });
});
