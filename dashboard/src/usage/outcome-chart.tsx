import { type Column, Table } from '../components/table.tsx';
import { outcomeTones } from '../components/tone.ts';
import type { OutcomePoint, OutcomeUsage } from '../data/burns.ts';
import { counted, number } from '../format/amount.ts';
import { date, dateTime, shortDate } from '../format/time.ts';
import { soFarWords } from '../usage-chart/usage-words.ts';
import { day, hour, useNow } from '../usage-chart/use-now.ts';
import { numberColumn } from './burn-columns.tsx';
import { outcomeKinds, rateWords, stack } from './outcome-bars.ts';
import styles from './outcome-chart.module.css';

const height = 96;

/** How requests ended over time: a success rate, stacked bars, and the same numbers as a table. */
export function OutcomeChart({ value: { totals, points, interval } }: { value: OutcomeUsage }) {
  const { requests, ok } = totals;
  const time = (point: OutcomePoint) =>
    interval === 'hour' ? dateTime(point.start) : date(point.start);
  const bars = stack(points);
  const now = useNow(interval === 'hour' ? hour : day);
  const partial = points.findIndex(({ start }) => Date.parse(start) === now);
  const columns: Column<OutcomePoint>[] = [
    {
      name: interval === 'hour' ? 'Hour' : 'Day (UTC)',
      kind: 'row',
      cell: (point) => soFarWords(time(point), point === points[partial]),
    },
    ...outcomeKinds.map((kind) =>
      numberColumn(outcomeTones[kind].name, (point: OutcomePoint) => point[kind]),
    ),
    {
      name: 'Success',
      kind: 'number',
      cell: ({ ok, refused, failed }) => rateWords(ok, ok + refused + failed),
    },
  ];
  const first = points[0];
  const last = points.at(-1);
  const words = outcomeKinds
    .map((kind) => `${outcomeTones[kind].name}: ${number(totals[kind])}`)
    .join(', ');
  if (requests === 0) return <p className={styles.soft}>No requests in this time.</p>;
  return (
    <div className={styles.chart}>
      <p>
        <strong className={styles.rate}>{rateWords(ok, requests)}</strong>{' '}
        <span className={styles.soft}>of {counted(requests, 'request')} served</span>
      </p>
      <ul className={styles.legend}>
        {outcomeKinds.map((kind) => (
          <li key={kind}>
            <span aria-hidden className={`${styles.swatch} ${styles[outcomeTones[kind].kind]}`} />
            {outcomeTones[kind].name}: {number(totals[kind])}
          </li>
        ))}
      </ul>
      <svg
        role="img"
        aria-label={`Outcomes by ${interval}. ${words}.`}
        viewBox={`0 0 ${bars.length} ${height}`}
        preserveAspectRatio="none"
        className={styles.plot}
      >
        {bars.map((parts, index) =>
          parts.map(({ kind, from, to }) => (
            <rect
              key={`${kind} ${points[index]?.start}`}
              className={`${styles[outcomeTones[kind].kind]} ${index === partial ? styles.partial : ''}`}
              x={index + 0.12}
              width={0.76}
              y={(1 - to) * height}
              // at least a line, so that a small value is visible
              height={Math.max(1, (to - from) * height)}
            />
          )),
        )}
      </svg>
      {first && last && (
        <div aria-hidden className={styles.axis}>
          <span>{interval === 'hour' ? dateTime(first.start) : shortDate(first.start)}</span>
          <span>{interval === 'hour' ? dateTime(last.start) : shortDate(last.start)}</span>
        </div>
      )}
      <details className={styles.details}>
        <summary>Show outcomes as a table</summary>
        <Table
          caption={`Outcomes by ${interval}`}
          columns={columns}
          rows={points}
          idOf={({ start }) => start}
          fixed
          className={styles.table}
        />
      </details>
    </div>
  );
}
