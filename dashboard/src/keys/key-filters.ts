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
  sort: SortColumn;
  descending: boolean;
}

/** What the list shows at first: all but the deleted, the newest first. */
export const firstFilters: KeyFilters = {
  search: '',
  state: 'undeleted',
  tier: '',
  mode: '',
  sort: 'created',
  descending: true,
};

/** Reads filters from an address. What it does not know is as if it were not there. */
export function readFilters(parameters: URLSearchParams): KeyFilters {
  const read = (name: string, fallback: string) => parameters.get(name) ?? fallback;
  const mode = read('mode', '');
  const state = read('state', firstFilters.state);
  return {
    search: read('search', ''),
    state:
      state === '' || state === 'undeleted' || Object.hasOwn(keyStates, state)
        ? state
        : firstFilters.state,
    tier: read('tier', ''),
    mode: mode === 'live' || mode === 'test' ? mode : '',
    ...readOrder(read('sort', '')),
  };
}

/** Reads an order as an address has it: a column, with a minus before it for descending. */
export function readOrder(order: string): Pick<KeyFilters, 'sort' | 'descending'> {
  const descending = order.startsWith('-');
  const sort = columns.find((column) => column === order.slice(descending ? 1 : 0));
  if (sort) return { sort, descending };
  return { sort: firstFilters.sort, descending: firstFilters.descending };
}

/** Writes filters into an address; what is as at first is left out. */
export function writeFilters(filters: KeyFilters): URLSearchParams {
  const { search, state, tier, mode, sort, descending } = filters;
  const parameters = new URLSearchParams();
  if (search) parameters.set('search', search);
  if (state !== firstFilters.state) parameters.set('state', state);
  if (tier) parameters.set('tier', tier);
  if (mode) parameters.set('mode', mode);
  const order = `${descending ? '-' : ''}${sort}`;
  if (order !== '-created') parameters.set('sort', order);
  return parameters;
}

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
  const compare = ascending[filters.sort];
  return shown.sort(filters.descending ? (a, b) => compare(b, a) : compare);
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
