import type { Column } from '../components/table.tsx';
import { bytes, number, percent } from '../format/amount.ts';
import styles from './burn-table.module.css';

interface Traffic {
  bytes_sent: number;
  bytes_received: number;
}

/** The bytes in both directions. */
export function moved({ bytes_sent, bytes_received }: Traffic): number {
  return bytes_sent + bytes_received;
}

/** A column of traffic, with its share of `all` as a number and a bar. */
export function trafficColumn<Row>(of: (row: Row) => Traffic, all: number): Column<Row> {
  return {
    name: 'Traffic',
    kind: 'number',
    className: styles.traffic,
    cell: (row) => {
      const value = moved(of(row));
      const share = all > 0 ? Math.min(1, value / all) : 0;
      return (
        <>
          {bytes(value)} <span className={styles.share}>({percent(value, all)})</span>
          <div aria-hidden className={styles.bar}>
            <div style={{ inlineSize: `${share * 100}%` }} />
          </div>
        </>
      );
    },
  };
}

/** A column of whole numbers. */
export function numberColumn<Row>(name: string, of: (row: Row) => number): Column<Row> {
  return { name, kind: 'number', cell: (row) => number(of(row)) };
}
