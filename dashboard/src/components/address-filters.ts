import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router';
import { withoutSecret } from '../format/without-secret.ts';

/** By which column rows are sorted. */
export interface Order<Sort extends string> {
  by: Sort;
  descending: boolean;
}

/** How one filter stands in an address. */
export interface Filter<Value> {
  /** Reads what the address has, if anything. What it does not know is as if it were not there. */
  read(text: string | null): Value;
  /** What the address is to have; undefined for nothing. */
  write(value: Value): string | undefined;
}

type Filters<Values> = { [Name in keyof Values]: Filter<Values[Name]> };

/** Any text, but never a secret; an empty one is no filter. */
export const text: Filter<string> = {
  read: (typed) => typed ?? '',
  write: (value) => withoutSecret(value) || undefined,
};

/** One of some values: `first` where there is no other. */
export function oneOf<Value extends string>(values: readonly Value[], first: Value): Filter<Value> {
  return {
    read: (typed) => values.find((value) => value === typed) ?? first,
    write: (value) => (value === first ? undefined : value),
  };
}

/** An order as an address has it: a column, with a minus before it for descending. */
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

/** A column, with a minus before it for descending. */
export function textOfOrder({ by, descending }: Order<string>): string {
  return `${descending ? '-' : ''}${by}`;
}

/** Reads filters from an address. */
export function readFilters<Values extends object>(
  filters: Filters<Values>,
  address: URLSearchParams,
): Values {
  const names = Object.keys(filters) as (keyof Values & string)[];
  return Object.fromEntries(
    names.map((name) => [name, filters[name].read(address.get(name))]),
  ) as Values;
}

/** The filters of an address that has none of them. */
export function firstOf<Values extends object>(filters: Filters<Values>): Values {
  return readFilters(filters, new URLSearchParams());
}

/** An address with `values` in place of what it had of them. */
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
 * The filters that the address has, to be kept or sent, and how to change some of them. What else it has
 * stays. `filters` must not change. With `push`, the browser's way back leads to those before.
 */
export function useAddressFilters<Values extends object>(
  filters: Filters<Values>,
  { push = false } = {},
): [Values, (changes: Partial<Values>) => boolean] {
  const [address, setAddress] = useSearchParams();
  const values = useMemo(() => readFilters(filters, address), [filters, address]);
  /** Says whether the address is another now. */
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
