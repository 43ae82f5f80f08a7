import { type Column, Table } from '../components/table.tsx';
import { type Measure, summarize, type UsageBar, type UsagePeriod } from './usage-periods.ts';
import styles from './usage-table.module.css';
import { amountWords, measureNames, missingWords, soFarWords, timeWords } from './usage-words.ts';

/** The chart's numbers as a table, collapsed at first. */
export function UsageTable(props: {
  period: UsagePeriod;
  bars: UsageBar[];
  measure: Measure;
  /** The numbers are still loading. */
  loading: boolean;
}) {
  const { period, bars, measure, loading } = props;
  const byHour = period.span.interval === 'hour';
  const amounts = (which: 'current' | 'before'): Column<UsageBar> => ({
    name: period[which],
    kind: 'number',
    cell: (bar) => {
      const value = bar[which];
      if (value !== undefined) {
        return soFarWords(amountWords(measure, value), which === 'current' && bar.slot.isPartial);
      }
      return (
        <span className={styles.missing}>{loading ? '…' : missingWords(bar.slot[which])}</span>
      );
    },
    foot: loading ? '…' : amountWords(measure, summarize(bars, which, measure).total),
  });
  const columns: Column<UsageBar>[] = [
    {
      name: byHour ? 'Hour' : 'Day (UTC)',
      kind: 'row',
      cell: ({ slot }) => (byHour && slot.current ? timeWords(period, slot.current) : slot.label),
      foot: 'Total',
    },
    amounts('current'),
    amounts('before'),
  ];
  return (
    <details className={styles.details}>
      <summary>Show as a table</summary>
      <Table
        caption={`${measureNames[measure].name}: ${period.current} and ${period.before.toLowerCase()}`}
        columns={columns}
        rows={bars}
        idOf={({ slot }) => String((slot.current ?? slot.before)?.getTime())}
        fixed
        className={styles.usage}
      />
    </details>
  );
}
