import type { BurnSort } from '../data/burns.ts';

/** What the lists of targets and outcomes show, beside the span. */
export interface ListChoices {
  /** The keyId of one key; an empty string is all of them. */
  key: string;
  by: 'host' | 'site';
  sort: BurnSort;
}

/** Reads choices from an address. What it does not know is as if it were not there. */
export function readChoices(parameters: URLSearchParams, firstSort: BurnSort): ListChoices {
  const key = parameters.get('key') ?? '';
  const sort = parameters.get('sort');
  return {
    key: /^avp_(live|test)_[0-9a-f]{12}$|^[0-9a-f-]{36}$/.test(key) ? key : '',
    by: parameters.get('by') === 'site' ? 'site' : 'host',
    sort: sort === 'bytes' || sort === 'requests' || sort === 'errors' ? sort : firstSort,
  };
}

/** Puts changed choices into an address, beside what else is in it. */
export function writeChoices(
  parameters: URLSearchParams,
  changes: Partial<ListChoices>,
): URLSearchParams {
  const next = new URLSearchParams(parameters);
  for (const [name, value] of Object.entries(changes)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  return next;
}
