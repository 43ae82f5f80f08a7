import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router';
import { hour, useNow } from '../usage-chart/use-now.ts';
import { readSpan, type Span, writeSpan } from './span.ts';

/** The span of the address, and how to change it: an address can be kept or sent. */
export function useSpan(): [Span, (span: Span) => void] {
  const [parameters, setParameters] = useSearchParams();
  const now = useNow(hour);
  const value = parameters.get('span') ?? '';
  const span = useMemo(() => readSpan(new URLSearchParams({ span: value }), now), [value, now]);
  const change = useCallback(
    (next: Span) => setParameters((before) => writeSpan(before, next), { replace: true }),
    [setParameters],
  );
  return [span, change];
}
