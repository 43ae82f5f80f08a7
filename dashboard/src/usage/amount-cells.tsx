import table from '../components/table.module.css';
import { bytes, number, percent } from '../format/amount.ts';
import styles from './burn-table.module.css';

/** The head of a column of numbers. */
export function NumberHeader({ name }: { name: string }) {
  return (
    <th role="columnheader" className={table.number}>
      {name}
    </th>
  );
}

/** An amount of bytes, and how much it is of all, with a bar for the eye. */
export function TrafficCell({ value, of }: { value: number; of: number }) {
  const share = of > 0 ? Math.min(1, value / of) : 0;
  return (
    <td role="cell" data-name="Traffic" className={`${table.number} ${styles.traffic}`}>
      {bytes(value)} <span className={styles.share}>({percent(value, of)})</span>
      <div aria-hidden className={styles.bar}>
        <div style={{ inlineSize: `${share * 100}%` }} />
      </div>
    </td>
  );
}

/** A number under the name of its column. */
export function NumberCell({ name, value }: { name: string; value: number }) {
  return (
    <td role="cell" data-name={name} className={table.number}>
      {number(value)}
    </td>
  );
}
