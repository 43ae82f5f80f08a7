import table from '../components/table.module.css';
import {
  type Measure,
  summarize,
  type UsageBar,
  type UsagePeriod,
  type UsageSlot,
} from './usage-periods.ts';
import styles from './usage-table.module.css';
import { amountWords, measureNames, missingWords, timeWords } from './usage-words.ts';

/** The chart's numbers as a table, opened by who wants it. */
export function UsageTable(props: {
  period: UsagePeriod;
  bars: UsageBar[];
  measure: Measure;
  /** The numbers are still on their way. */
  loading: boolean;
}) {
  const { period, bars, measure, loading } = props;
  const byHour = period.span.interval === 'hour';
  const cell = (slot: UsageSlot, which: 'current' | 'before', value: number | undefined) => (
    <td className={table.number}>
      {value === undefined ? (
        <span className={styles.missing}>{loading ? '…' : missingWords(slot[which])}</span>
      ) : (
        amountWords(measure, value)
      )}
    </td>
  );
  const total = (which: 'current' | 'before') => (
    <td className={table.number}>
      {loading ? '…' : amountWords(measure, summarize(bars, which, measure).total)}
    </td>
  );
  return (
    <details className={styles.details}>
      <summary>Show as a table</summary>
      <div className={table.frame}>
        <table className={`${table.table} ${styles.usage}`}>
          <caption className="visually-hidden">
            {measureNames[measure].name}: {period.current} beside {period.before.toLowerCase()}
          </caption>
          <thead>
            <tr>
              <th scope="col">{byHour ? 'Hour' : 'Day (UTC)'}</th>
              <th scope="col" className={table.number}>
                {period.current}
              </th>
              <th scope="col" className={table.number}>
                {period.before}
              </th>
            </tr>
          </thead>
          <tbody>
            {bars.map(({ slot, current, before }) => (
              <tr key={(slot.current ?? slot.before)?.getTime()}>
                <th scope="row">
                  {byHour && slot.current ? timeWords(period, slot.current) : slot.label}
                </th>
                {cell(slot, 'current', current)}
                {cell(slot, 'before', before)}
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">In all</th>
              {total('current')}
              {total('before')}
            </tr>
          </tfoot>
        </table>
      </div>
    </details>
  );
}
