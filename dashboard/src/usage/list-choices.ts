import { type Filter, oneOf } from '../components/address-filters.ts';
import type { BurnSort } from '../data/burns.ts';

/** What the lists of targets and outcomes show, beside the span. */
export interface ListChoices {
  /** The keyId of one key; an empty string is all of them. */
  key: string;
  by: 'host' | 'site';
  sort: BurnSort;
}

const key: Filter<string> = {
  read: (text) =>
    /^avp_(live|test)_[0-9a-f]{12}$|^[0-9a-f-]{36}$/.test(text ?? '') ? `${text}` : '',
  write: (value) => value || undefined,
};

/** How the choices stand in an address. */
export function listChoices(firstSort: BurnSort) {
  const sort = oneOf<BurnSort>(['bytes', 'requests', 'errors'], firstSort);
  return { key, by: oneOf(['host', 'site'], 'host'), sort };
}
