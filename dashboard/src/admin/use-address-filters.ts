import { useMemo } from 'react';
import { useSearchParams } from 'react-router';
import { readFilters, writeFilters } from './address-filters.ts';

/** The filters that the address has, and a way to have others there. `names` must not change. */
export function useAddressFilters<Name extends string>(names: readonly Name[]) {
  const [parameters, setParameters] = useSearchParams();
  const filters = useMemo(() => readFilters(names, parameters), [names, parameters]);

  /** Says whether there is anything new to look for. */
  function search(wanted: Record<string, string>): boolean {
    const next = writeFilters(wanted);
    const isNew = next.toString() !== writeFilters(filters).toString();
    if (isNew) setParameters(next);
    return isNew;
  }
  return { filters, search };
}
