import { describe, expect, it } from 'vitest';
import { readFilters, writeFilters } from '../../dashboard/src/components/address-filters.ts';
import type { KeyQuery } from '../../dashboard/src/data/use-keys.ts';
import {
  firstFilters,
  type KeyFilters,
  keyFilters,
  mostListed,
  type SortColumn,
  toKeyQuery,
} from '../../dashboard/src/keys/key-filters.ts';

const read = (address: string) => readFilters(keyFilters, new URLSearchParams(address));

describe('the filters of the list of keys', () => {
  it.each<[Partial<KeyFilters>, KeyQuery]>([
    [{}, { state: 'undeleted', sort: '-created_at' }],
    [{ state: '' }, { sort: '-created_at' }],
    [
      { search: ' ZEBRA ', state: 'suspended', tier: 'team', mode: 'test' },
      { search: 'ZEBRA', state: 'suspended', tier: 'team', live_mode: false, sort: '-created_at' },
    ],
    [
      { mode: 'live', sort: { by: 'last_used', descending: true } },
      { state: 'undeleted', live_mode: true, sort: '-last_used_at' },
    ],
    [{ sort: { by: 'label', descending: false } }, { state: 'undeleted', sort: 'label' }],
    [{ sort: { by: 'used', descending: true } }, { state: 'undeleted', sort: '-used' }],
  ])('%j query the database with %j', (changes, query) => {
    expect(toKeyQuery({ ...firstFilters, ...changes })).toEqual(query);
  });

  it('exclude old deleted keys unless the order is by age', () => {
    const by = (by: SortColumn, state = 'undeleted') =>
      mostListed({ ...firstFilters, state, sort: { by, descending: true } });
    expect([by('used', ''), by('label', 'deleted')]).toEqual([2_000, 2_000]);
    expect([by('used'), by('created', '')]).toEqual([Infinity, Infinity]);
  });

  it('are the same after a round trip through the address', () => {
    const chosen: KeyFilters[] = [
      firstFilters,
      {
        search: 'a b&c=d ',
        state: '',
        tier: 'team',
        mode: 'test',
        sort: { by: 'used', descending: false },
      },
      { ...firstFilters, state: 'quota_used_up', sort: { by: 'label', descending: true } },
    ];
    for (const filters of chosen) {
      expect(read(String(writeFilters(keyFilters, filters)))).toEqual(filters);
    }
    expect(String(writeFilters(keyFilters, firstFilters))).toBe('');
  });

  it('ignore unknown values in an address', () => {
    expect(read('state=constructor&mode=both&sort=-secret')).toEqual(firstFilters);
  });
});
