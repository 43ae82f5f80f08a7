import {
  type Filter,
  type Order,
  oneOf,
  orderBy,
  text,
  textOfOrder,
} from '../components/address-filters.ts';
import type { KeyQuery } from '../data/use-keys.ts';
import { keyStates } from './key-state.ts';

const columns = ['label', 'used', 'last_used', 'created'] as const;

/** A column that the list can be sorted by. */
export type SortColumn = (typeof columns)[number];

/** The list's filters and order. An empty string is no filter. */
export interface KeyFilters {
  search: string;
  state: string;
  tier: string;
  mode: '' | 'live' | 'test';
  sort: Order<SortColumn>;
}

/** The default filters: all except deleted keys, newest first. */
export const firstFilters: KeyFilters = {
  search: '',
  state: 'undeleted',
  tier: '',
  mode: '',
  sort: { by: 'created', descending: true },
};

/** How the filters are written in a URL. */
export const keyFilters: { [Name in keyof KeyFilters]: Filter<KeyFilters[Name]> } = {
  search: text,
  state: oneOf(['', 'undeleted', ...Object.keys(keyStates)], firstFilters.state),
  tier: text,
  mode: oneOf(['', 'live', 'test'], firstFilters.mode),
  sort: orderBy(columns, firstFilters.sort),
};

const sorts: Record<SortColumn, string> = {
  label: 'label',
  used: 'used',
  last_used: 'last_used_at',
  created: 'created_at',
};

/** The filters as database arguments. */
export function toKeyQuery({ search, state, tier, mode, sort }: KeyFilters): KeyQuery {
  const wanted = search.trim();
  return {
    ...(state ? { state } : {}),
    ...(wanted ? { search: wanted } : {}),
    ...(tier ? { tier } : {}),
    ...(mode ? { live_mode: mode === 'live' } : {}),
    sort: textOfOrder({ ...sort, by: sorts[sort.by] }),
  };
}

/**
 * The maximum number of listed keys: unlimited by age; in other orders only the newest deleted keys are
 * listed.
 */
export function mostListed({ state, sort }: KeyFilters): number {
  return sort.by !== 'created' && (state === '' || state === 'deleted')
    ? 2_000
    : Number.POSITIVE_INFINITY;
}
