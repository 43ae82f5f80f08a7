import {
  type Filter,
  type Order,
  oneOf,
  orderBy,
  page,
  text,
} from '../components/address-filters.ts';
import type { Key } from '../data/key.ts';
import { keyStates, stateOf } from './key-state.ts';

const columns = ['label', 'used', 'last_used', 'created'] as const;

/** A column that the list can be sorted by. */
export type SortColumn = (typeof columns)[number];

/** Which keys the list shows, and in which order. An empty string is no filter. */
export interface KeyFilters {
  search: string;
  state: string;
  tier: string;
  mode: '' | 'live' | 'test';
  sort: Order<SortColumn>;
  page: number;
}

/** What the list shows at first: all but the deleted, the newest first. */
export const firstFilters: KeyFilters = {
  search: '',
  state: 'undeleted',
  tier: '',
  mode: '',
  sort: { by: 'created', descending: true },
  page: 1,
};

/** How the filters stand in an address. */
export const keyFilters: { [Name in keyof KeyFilters]: Filter<KeyFilters[Name]> } = {
  search: text,
  state: oneOf(['', 'undeleted', ...Object.keys(keyStates)], firstFilters.state),
  tier: text,
  mode: oneOf(['', 'live', 'test'], firstFilters.mode),
  sort: orderBy(columns, firstFilters.sort),
  page,
};

const collator = new Intl.Collator('en', { sensitivity: 'base', numeric: true });
const ascending: Record<SortColumn, (a: Key, b: Key) => number> = {
  label: (a, b) => collator.compare(a.label, b.label),
  used: (a, b) => a.bandwidth_used_this_period_bytes - b.bandwidth_used_this_period_bytes,
  last_used: (a, b) => compareTimes(a.last_used_at, b.last_used_at),
  created: (a, b) => compareTimes(a.created_at, b.created_at),
};

/** The keys that pass the filters at `now`, in their order. */
export function applyFilters(keys: Key[], filters: KeyFilters, now: number): Key[] {
  const wanted = filters.search.trim().toLowerCase();
  const shown = keys.filter((key) => {
    if (filters.tier && key.tier !== filters.tier) return false;
    if (filters.mode && key.live_mode !== (filters.mode === 'live')) return false;
    if (filters.state === 'undeleted' && key.deleted_at) return false;
    if (Object.hasOwn(keyStates, filters.state) && stateOf(key, now).state !== filters.state) {
      return false;
    }
    return !wanted || key.label.toLowerCase().includes(wanted) || key.key_id.includes(wanted);
  });
  const { by, descending } = filters.sort;
  const compare = ascending[by];
  return shown.sort(descending ? (a, b) => compare(b, a) : compare);
}

/** Whether the filters let deleted keys through, of which there are older ones that were not read. */
export function missesDeleted(hasOlder: boolean, { state }: KeyFilters): boolean {
  return hasOlder && (state === '' || state === 'deleted');
}

/** RFC 3339 in UTC with one and the same offset sorts as text; never is before all times. */
function compareTimes(a: string | null, b: string | null): number {
  if (a === b) return 0;
  if (a === null) return -1;
  if (b === null) return 1;
  return a < b ? -1 : 1;
}
