import { Badge } from '../components/badge.tsx';
import table from '../components/table.module.css';
import type { Key } from '../data/key.ts';
import { moment, useNow } from '../usage-chart/use-now.ts';
import { stateOf } from './key-state.ts';

/** The state of a key in words, with an explanation. */
export function KeyStateWords({ value }: { value: Key }) {
  const { kind, name, explanation, reason } = stateOf(value, useNow(moment));
  return (
    <>
      <Badge kind={kind}>{name}</Badge>
      {explanation && <p className={table.small}>{explanation}</p>}
      {reason && (
        <p className={table.small}>
          Reason: <bdi>{reason}</bdi>
        </p>
      )}
    </>
  );
}
