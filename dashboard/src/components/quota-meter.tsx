import { bytes, percent } from '../format/amount.ts';
import styles from './quota-meter.module.css';
import { quotaTone } from './tone.ts';

/** The used share of a month's bytes: in words, with a bar. */
export function QuotaMeter(props: { used: number; limit: number; name: string }) {
  const { used, limit, name } = props;
  const share = limit > 0 ? Math.min(1, used / limit) : 1;
  return (
    <div className={styles.quota}>
      <span className={styles.words}>
        {bytes(used)} <span className={styles.of}>of {bytes(limit)}</span>
      </span>
      <div
        role="meter"
        aria-label={name}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.floor(share * 100)}
        // the bytes are in the words above
        aria-valuetext={percent(used, limit)}
        className={styles.bar}
      >
        <div
          className={styles.used}
          data-tone={quotaTone(share)}
          style={{ inlineSize: `${share * 100}%` }}
        />
      </div>
    </div>
  );
}
