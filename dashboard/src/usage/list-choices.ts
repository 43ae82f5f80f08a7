import { type Filter, oneOf } from '../components/address-filters.ts';
import type { BurnSort } from '../data/burns.ts';

/** The choices of the target and outcome lists, besides the span. */
export interface ListChoices {
  /** The keyId of one key; an empty string for all keys. */
  key: string;
  by: 'host' | 'site';
  sort: BurnSort;
}

const key: Filter<string> = {
  read: (text) =>
    /^avp_(live|test)_[0-9a-f]{12}$|^[0-9a-f-]{36}$/.test(text ?? '') ? `${text}` : '',
  write: (value) => value || undefined,
};

/** How the choices are written in a URL. */
export function listChoices(firstSort: BurnSort) {
  const sort = oneOf<BurnSort>(['bytes', 'requests', 'errors'], firstSort);
  return { key, by: oneOf(['host', 'site'], 'host'), sort };
}
