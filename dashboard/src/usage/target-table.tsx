import type { ReactNode } from 'react';
import table from '../components/table.module.css';
import type { Target, TargetFigures, TargetUsage } from '../data/burns.ts';
import { NumberCell, NumberHeader, TrafficCell } from './amount-cells.tsx';
import styles from './burn-table.module.css';

/** What was moved to targets, a row each, and what else there is to a row of its own. */
export function TargetTable({ value, caption }: { value: TargetUsage; caption: string }) {
  const all = moved(value.totals);
  return (
    <div className={table.frame}>
      {/* the roles hold where a phone's layout takes a table's own away */}
      <table role="table" className={`${table.table} ${table.cards} ${styles.burns}`}>
        <caption className="visually-hidden">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader">Target</th>
            <NumberHeader name="Traffic" />
            <NumberHeader name="Requests" />
            <NumberHeader name="Failed" />
          </tr>
        </thead>
        <tbody role="rowgroup">
          {value.targets.map((target) => (
            <TargetRow key={`${target.host} ${target.site}`} figures={target} all={all}>
              {target.host ? <bdi>{target.host}</bdi> : <SiteName value={target} />}
            </TargetRow>
          ))}
          {isAny(value.unlisted) && (
            <TargetRow figures={value.unlisted} all={all}>
              <span className={styles.soft}>All other targets</span>
            </TargetRow>
          )}
          {isAny(value.other) && (
            <TargetRow figures={value.other} all={all}>
              <span className={styles.soft}>
                Not counted by target, as there were over 1,000 in a day
              </span>
            </TargetRow>
          )}
        </tbody>
      </table>
    </div>
  );
}

function SiteName({ value: { site } }: { value: Target }) {
  return (
    <>
      <bdi>{site}</bdi> <span className={styles.soft}>(hosts of this site)</span>
    </>
  );
}

function TargetRow(props: { figures: TargetFigures; all: number; children: ReactNode }) {
  const { figures, all, children } = props;
  return (
    <tr role="row">
      <th role="rowheader" scope="row" className={styles.name}>
        {children}
      </th>
      <TrafficCell value={moved(figures)} of={all} />
      <NumberCell name="Requests" value={figures.requests} />
      <NumberCell name="Failed" value={figures.errors} />
    </tr>
  );
}

function moved({ bytes_sent, bytes_received }: TargetFigures): number {
  return bytes_sent + bytes_received;
}

function isAny(figures: TargetFigures): boolean {
  return figures.requests > 0 || moved(figures) > 0;
}
