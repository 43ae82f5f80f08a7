import { text } from '../components/address-filters.ts';
import type { FoundKeysQuery } from '../data/use-found-keys.ts';
import { keyStates } from '../keys/key-state.ts';

/** The search filters, as written in a URL. */
export const findFilters = {
  key: text,
  user: text,
  label: text,
  state: text,
  tier: text,
  mode: text,
};

/** The values of the filters. An empty string is no filter. */
export type FindFilters = Record<keyof typeof findFilters, string>;

/** The modes by their names in a URL. */
export const modes = { live: 'Live', test: 'Test' };

/** The filters as database arguments; an unknown state or mode is no filter. */
export function toQuery({ key, user, label, state, tier, mode }: FindFilters): FoundKeysQuery {
  return {
    ...(key ? { key_id: key } : {}),
    ...(user ? { user } : {}),
    ...(label ? { label } : {}),
    ...(Object.hasOwn(keyStates, state) ? { state } : {}),
    ...(tier ? { tier } : {}),
    ...(Object.hasOwn(modes, mode) ? { live_mode: mode === 'live' } : {}),
  };
}

/** The text in lower case if it is a complete keyId or uuid; otherwise undefined. */
export function keyReference(text: string): string | undefined {
  const typed = text.trim().toLowerCase();
  return /^(avp_(live|test)_[0-9a-f]{12}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.test(typed)
    ? typed
    : undefined;
}
