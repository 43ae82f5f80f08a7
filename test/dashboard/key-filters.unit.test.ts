import { describe, expect, it } from 'vitest';
import { readFilters, writeFilters } from '../../dashboard/src/components/address-filters.ts';
import {
  applyFilters,
  firstFilters,
  type KeyFilters,
  keyFilters,
  missesDeleted,
  type SortColumn,
} from '../../dashboard/src/keys/key-filters.ts';
import { aKey } from './a-key.ts';

const now = Date.parse('2026-11-23T12:00:00Z');
const keys = [
  aKey({
    label: 'Zebra 2',
    key_id: 'avp_live_000000000001',
    created_at: '2026-11-03T00:00:00+00:00',
  }),
  aKey({ label: 'zebra 10', key_id: 'avp_test_000000000002', live_mode: false, tier: 'team' }),
  aKey({
    label: 'ant',
    key_id: 'avp_live_000000000003',
    last_used_at: '2026-11-20T00:00:00+00:00',
    bandwidth_used_this_period_bytes: 7,
  }),
  aKey({ label: 'gone', key_id: 'avp_live_000000000004', deleted_at: '2026-11-02T00:00:00+00:00' }),
  aKey({
    label: 'held',
    key_id: 'avp_live_000000000005',
    suspended_at: '2026-11-02T00:00:00+00:00',
  }),
];

function shown(changes: Partial<KeyFilters>): string[] {
  return applyFilters(keys, { ...firstFilters, ...changes }, now).map(({ label }) => label);
}

const read = (address: string) => readFilters(keyFilters, new URLSearchParams(address));
const sorted = (by: SortColumn, descending: boolean) => shown({ sort: { by, descending } });

describe('the filters of the list of keys', () => {
  it('leave out the deleted at first, and begin with the newest', () => {
    expect(shown({})).toEqual(['Zebra 2', 'zebra 10', 'ant', 'held']);
  });

  it('find a label in any case of letters, and a part of a key ID', () => {
    expect(shown({ search: ' ZEBRA ' })).toEqual(['Zebra 2', 'zebra 10']);
    expect(shown({ search: '0003' })).toEqual(['ant']);
    expect(shown({ search: 'nothing' })).toEqual([]);
  });

  it('keep one state, tier or mode', () => {
    expect(shown({ state: 'deleted' })).toEqual(['gone']);
    expect(shown({ state: 'suspended' })).toEqual(['held']);
    expect(shown({ state: 'active' })).toEqual(['Zebra 2', 'zebra 10', 'ant']);
    expect(shown({ state: '' })).toHaveLength(5);
    expect(shown({ tier: 'team' })).toEqual(['zebra 10']);
    expect(shown({ mode: 'test' })).toEqual(['zebra 10']);
    expect(shown({ mode: 'live', tier: 'team' })).toEqual([]);
  });

  it('sort by each column, both ways, what never was used as the oldest', () => {
    expect(sorted('label', false)).toEqual(['ant', 'held', 'Zebra 2', 'zebra 10']);
    expect(sorted('label', true)[0]).toBe('zebra 10');
    expect(sorted('used', true)[0]).toBe('ant');
    expect(sorted('last_used', true)[0]).toBe('ant');
    expect(sorted('last_used', false).at(-1)).toBe('ant');
    expect(sorted('created', false).at(-1)).toBe('Zebra 2');
  });

  it('tell when they let keys through that were not read: old ones, all of them deleted', () => {
    const told = ['', 'deleted', 'undeleted', 'active', 'suspended'].filter((state) =>
      missesDeleted(true, { ...firstFilters, state }),
    );
    expect(told).toEqual(['', 'deleted']);
    expect(missesDeleted(false, { ...firstFilters, state: '' })).toBe(false);
  });

  it('are the same after a way through the address', () => {
    const chosen: KeyFilters[] = [
      firstFilters,
      {
        search: 'a b&c=d ',
        state: '',
        tier: 'team',
        mode: 'test',
        sort: { by: 'used', descending: false },
        page: 3,
      },
      { ...firstFilters, state: 'quota_used_up', sort: { by: 'label', descending: true } },
    ];
    for (const filters of chosen) {
      expect(read(String(writeFilters(keyFilters, filters)))).toEqual(filters);
    }
    expect(String(writeFilters(keyFilters, firstFilters))).toBe('');
  });

  it('take an address that says what there is not as if it said nothing', () => {
    for (const page of ['0', '-1', '1.5', 'x', '1e99']) {
      expect(read(`state=constructor&mode=both&sort=-secret&page=${page}`)).toEqual(firstFilters);
    }
  });
});
