import { useCallback, useMemo } from 'react';
import { text, useAddressFilters } from '../components/address-filters.ts';
import { hour, useNow } from '../usage-chart/use-now.ts';
import { readSpan, type Span, writeSpan } from './span.ts';

const filters = { span: text };

/** The span in the URL, and a function to change it. */
export function useSpan(): [Span, (span: Span) => void] {
  const [{ span: written }, setAddress] = useAddressFilters(filters);
  const now = useNow(hour);
  const span = useMemo(() => readSpan(written, now), [written, now]);
  const change = useCallback(
    (next: Span) => void setAddress({ span: writeSpan(next) }),
    [setAddress],
  );
  return [span, change];
}
