import { text } from '../components/address-filters.ts';
import type { FoundKeysQuery } from '../data/use-found-keys.ts';
import { keyStates } from '../keys/key-state.ts';

/** What keys can be found by, as the address has it. */
export const findFilters = {
  key: text,
  user: text,
  label: text,
  state: text,
  tier: text,
  mode: text,
};

/** What keys are looked for. An empty string is no filter. */
export type FindFilters = Record<keyof typeof findFilters, string>;

/** The modes that can be looked for, by what the address calls them. */
export const modes = { live: 'Live', test: 'Test' };

/** What to ask the database for; what it does not know of a state or mode is no filter. */
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

/** The whole keyId or uuid that a text is, in lower case; undefined for any other text. */
export function keyReference(text: string): string | undefined {
  const typed = text.trim().toLowerCase();
  return /^(avp_(live|test)_[0-9a-f]{12}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.test(typed)
    ? typed
    : undefined;
}
