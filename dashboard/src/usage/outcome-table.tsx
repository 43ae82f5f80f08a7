import { Badge } from '../components/badge.tsx';
import table from '../components/table.module.css';
import type { Outcome, OutcomeUsage } from '../data/burns.ts';
import { number, percent } from '../format/amount.ts';
import { statusWords } from '../key/event-words.ts';
import { NumberHeader, TrafficCell } from './amount-cells.tsx';
import styles from './burn-table.module.css';

const kinds = {
  ok: { kind: 'good', name: 'Served' },
  refused: { kind: 'warning', name: 'Refused' },
  failed: { kind: 'bad', name: 'Failed' },
} as const;

/** How requests ended, a row for each code, with what to do about it. */
export function OutcomeTable(props: { value: OutcomeUsage; outcomes: Outcome[]; caption: string }) {
  const { value, outcomes, caption } = props;
  const { totals } = value;
  return (
    <div className={table.frame}>
      <table role="table" className={`${table.table} ${table.cards} ${styles.burns}`}>
        <caption className="visually-hidden">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader">Outcome</th>
            <NumberHeader name="Requests" />
            <NumberHeader name="Traffic" />
            <th role="columnheader">What to do</th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {outcomes.map((outcome) => (
            <tr key={outcome.outcome} role="row">
              <th role="rowheader" scope="row" className={styles.name}>
                <Badge kind={kinds[outcome.kind].kind}>{kinds[outcome.kind].name}</Badge>
                {outcome.kind !== 'ok' && (
                  <p className={table.small}>
                    <code>{outcome.outcome}</code>
                    <Meaning code={outcome.outcome} />
                  </p>
                )}
              </th>
              <td role="cell" data-name="Requests" className={table.number}>
                {number(outcome.requests)}{' '}
                <span className={styles.share}>({percent(outcome.requests, totals.requests)})</span>
              </td>
              <TrafficCell
                value={outcome.bytes_sent + outcome.bytes_received}
                of={totals.bytes_sent + totals.bytes_received}
              />
              <td role="cell" data-name="What to do" className={`${table.wide} ${styles.fix}`}>
                {outcome.how_to_fix ?? <span className={styles.soft}>Nothing: it worked</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Meaning({ code }: { code: string }) {
  const words = statusWords({ method: '', code });
  return words && <>: {words}</>;
}
