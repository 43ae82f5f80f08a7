import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router';
import { withoutSecret } from '../format/without-secret.ts';

/** The column that rows are sorted by. */
export interface Order<Sort extends string> {
  by: Sort;
  descending: boolean;
}

/** How one filter is read from and written to a URL. */
export interface Filter<Value> {
  /** Reads the URL's value, if any. An unknown value is ignored. */
  read(text: string | null): Value;
  /** The value for the URL; undefined for none. */
  write(value: Value): string | undefined;
}

type Filters<Values> = { [Name in keyof Values]: Filter<Values[Name]> };

/** Any text, but never a secret; an empty one is no filter. */
export const text: Filter<string> = {
  read: (typed) => typed ?? '',
  write: (value) => withoutSecret(value) || undefined,
};

/** One of `values`; `first` by default. */
export function oneOf<Value extends string>(values: readonly Value[], first: Value): Filter<Value> {
  return {
    read: (typed) => values.find((value) => value === typed) ?? first,
    write: (value) => (value === first ? undefined : value),
  };
}

/** An order in a URL: a column, with a leading minus for descending. */
export function orderBy<Column extends string>(
  columns: readonly Column[],
  first: Order<Column>,
): Filter<Order<Column>> {
  return {
    read(typed) {
      const by = columns.find((column) => column === typed?.replace(/^-/, ''));
      return by ? { by, descending: typed?.startsWith('-') ?? false } : first;
    },
    write(order) {
      return textOfOrder(order) === textOfOrder(first) ? undefined : textOfOrder(order);
    },
  };
}

/** A column, with a leading minus for descending. */
export function textOfOrder({ by, descending }: Order<string>): string {
  return `${descending ? '-' : ''}${by}`;
}

/** Reads filters from a URL's parameters. */
export function readFilters<Values extends object>(
  filters: Filters<Values>,
  address: URLSearchParams,
): Values {
  const names = Object.keys(filters) as (keyof Values & string)[];
  return Object.fromEntries(
    names.map((name) => [name, filters[name].read(address.get(name))]),
  ) as Values;
}

/** The default filters. */
export function firstOf<Values extends object>(filters: Filters<Values>): Values {
  return readFilters(filters, new URLSearchParams());
}

/** Returns the URL's parameters with the filters in `values` replaced. */
export function writeFilters<Values extends object>(
  filters: Filters<Values>,
  values: Partial<Values>,
  address = new URLSearchParams(),
): URLSearchParams {
  const next = new URLSearchParams(address);
  for (const name of Object.keys(values) as (keyof Values & string)[]) {
    const value = values[name];
    const written = value === undefined ? undefined : filters[name].write(value);
    if (written === undefined) next.delete(name);
    else next.set(name, written);
  }
  return next;
}

/**
 * The filters in the URL, and a function to change some of them. Other parameters stay. `filters` must
 * not change between renders. With `push`, the browser's back button restores the filters before.
 */
export function useAddressFilters<Values extends object>(
  filters: Filters<Values>,
  { push = false } = {},
): [Values, (changes: Partial<Values>) => boolean] {
  const [address, setAddress] = useSearchParams();
  const values = useMemo(() => readFilters(filters, address), [filters, address]);
  /** Returns whether the URL changed. */
  const change = useCallback(
    (changes: Partial<Values>) => {
      const next = writeFilters(filters, changes, address);
      const isOther = next.toString() !== address.toString();
      if (isOther) setAddress(next, { replace: !push });
      return isOther;
    },
    [filters, address, setAddress, push],
  );
  return [values, change];
}
