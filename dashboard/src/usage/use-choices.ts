import { useMemo } from 'react';
import { useSearchParams } from 'react-router';
import type { BurnSort } from '../data/burns.ts';
import { type ListChoices, readChoices, writeChoices } from './list-choices.ts';

/** The choices of the address, and how to change some of them. */
export function useChoices(
  firstSort: BurnSort,
): [ListChoices, (changes: Partial<ListChoices>) => void] {
  const [parameters, setParameters] = useSearchParams();
  const choices = useMemo(() => readChoices(parameters, firstSort), [parameters, firstSort]);
  const change = (changes: Partial<ListChoices>) =>
    setParameters((before) => writeChoices(before, changes), { replace: true });
  return [choices, change];
}
