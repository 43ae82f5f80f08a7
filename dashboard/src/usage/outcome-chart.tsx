import table from '../components/table.module.css';
import type { OutcomePoint, OutcomeUsage } from '../data/burns.ts';
import { counted, number } from '../format/amount.ts';
import { date, dateTime, shortDate } from '../format/time.ts';
import { type OutcomeKind, outcomeKinds, rateWords, stack } from './outcome-bars.ts';
import styles from './outcome-chart.module.css';

const names: Record<OutcomeKind, string> = { ok: 'Served', refused: 'Refused', failed: 'Failed' };
const height = 96;

/** How requests ended over time: a success rate, stacked bars, and the same numbers as a table. */
export function OutcomeChart({ value: { totals, points, interval } }: { value: OutcomeUsage }) {
  const { requests, ok } = totals;
  const time = (point: OutcomePoint) =>
    interval === 'hour' ? dateTime(point.start) : date(point.start);
  const bars = stack(points);
  const first = points[0];
  const last = points.at(-1);
  const words = outcomeKinds.map((kind) => `${names[kind]}: ${number(totals[kind])}`).join(', ');
  if (requests === 0) return <p className={styles.soft}>No request was made in this time.</p>;
  return (
    <div className={styles.chart}>
      <p>
        <strong className={styles.rate}>{rateWords(ok, requests)}</strong>{' '}
        <span className={styles.soft}>of {counted(requests, 'request')} were served</span>
      </p>
      <ul className={styles.legend}>
        {outcomeKinds.map((kind) => (
          <li key={kind}>
            <span aria-hidden className={`${styles.swatch} ${styles[kind]}`} />
            {names[kind]}: {number(totals[kind])}
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
              className={styles[kind]}
              x={index + 0.12}
              width={0.76}
              y={(1 - to) * height}
              // a line says that there was something
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
        <summary>Show the outcomes as a table</summary>
        <div className={table.frame}>
          <table className={`${table.table} ${styles.table}`}>
            <caption className="visually-hidden">Outcomes by {interval}</caption>
            <thead>
              <tr>
                <th scope="col">{interval === 'hour' ? 'Hour' : 'Day (UTC)'}</th>
                {outcomeKinds.map((kind) => (
                  <th key={kind} scope="col" className={table.number}>
                    {names[kind]}
                  </th>
                ))}
                <th scope="col" className={table.number}>
                  Success
                </th>
              </tr>
            </thead>
            <tbody>
              {points.map((point) => (
                <tr key={point.start}>
                  <th scope="row">{time(point)}</th>
                  {outcomeKinds.map((kind) => (
                    <td key={kind} className={table.number}>
                      {number(point[kind])}
                    </td>
                  ))}
                  <td className={table.number}>
                    {rateWords(point.ok, point.ok + point.refused + point.failed)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </div>
  );
}
