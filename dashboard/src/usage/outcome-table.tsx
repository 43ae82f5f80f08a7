import { Badge } from '../components/badge.tsx';
import table from '../components/table.module.css';
import { type Column, Table } from '../components/table.tsx';
import { outcomeTones } from '../components/tone.ts';
import type { Outcome, OutcomeUsage } from '../data/burns.ts';
import { number, percent } from '../format/amount.ts';
import { statusWords } from '../key/event-words.ts';
import { moved, trafficColumn } from './burn-columns.tsx';
import styles from './burn-table.module.css';

/** How requests ended: one row per code, with what to do about it. */
export function OutcomeTable(props: { value: OutcomeUsage; outcomes: Outcome[]; caption: string }) {
  const { value, outcomes, caption } = props;
  const { totals } = value;
  const columns: Column<Outcome>[] = [
    {
      name: 'Outcome',
      kind: 'row',
      className: styles.name,
      cell: ({ kind, outcome }) => (
        <>
          <Badge kind={outcomeTones[kind].kind}>{outcomeTones[kind].name}</Badge>
          {kind !== 'ok' && (
            <p className={table.small}>
              <code>{outcome}</code>
              <Meaning code={outcome} />
            </p>
          )}
        </>
      ),
    },
    {
      name: 'Requests',
      kind: 'number',
      cell: ({ requests }) => (
        <>
          {number(requests)}{' '}
          <span className={styles.share}>({percent(requests, totals.requests)})</span>
        </>
      ),
    },
    trafficColumn((outcome) => outcome, moved(totals)),
    {
      name: 'What to do',
      wide: true,
      className: styles.fix,
      cell: ({ how_to_fix }) => how_to_fix ?? <span className={styles.soft}>Nothing to do</span>,
    },
  ];
  return (
    <Table
      caption={caption}
      columns={columns}
      rows={outcomes}
      idOf={({ outcome }) => outcome}
      className={styles.burns}
    />
  );
}

function Meaning({ code }: { code: string }) {
  const words = statusWords({ method: '', code });
  return words && <>: {words}</>;
}
