import type { ReactNode } from 'react';
import { QuotaMeter } from '../components/quota-meter.tsx';
import type { Key, UsageSummary } from '../data/key.ts';
import { bytes, counted, number, percent } from '../format/amount.ts';
import styles from './figures.module.css';
import { totalsByTier } from './tiers.ts';

/** The month in three figures, each with what it is to be seen beside. */
export function Figures(props: {
  keys: Key[];
  thisMonth: UsageSummary;
  lastMonth: UsageSummary;
  /** Both months' names. */
  names: { thisMonth: string; lastMonth: string };
}) {
  const { keys, thisMonth, lastMonth, names } = props;
  const used = thisMonth.total_bandwidth_bytes;
  const active = keys.filter((key) => key.active).length;
  const tiers = totalsByTier(keys);
  const limit = tiers.reduce((sum, tier) => sum + tier.limit, 0);
  // the quota is theirs; what other keys moved this month counts against none
  const usedByActive = tiers.reduce((sum, tier) => sum + tier.used, 0);
  const undeleted = keys.filter((key) => !key.deleted_at).length;
  return (
    <section aria-labelledby="figures" className={styles.section}>
      <div className={styles.head}>
        <h2 id="figures">{names.thisMonth} so far</h2>
        <p className={styles.note}>Months, days and hours are those of UTC.</p>
      </div>
      <dl className={styles.figures}>
        <Figure
          name="Traffic"
          value={
            active > 0 ? (
              <QuotaMeter used={usedByActive} limit={limit} name="Traffic this month" />
            ) : (
              bytes(used)
            )
          }
        >
          {active > 0 && (
            <span>
              {percent(usedByActive, limit)} of the quota of your {counted(active, 'active key')}
            </span>
          )}
          {active > 0 && used > usedByActive && (
            <span>{bytes(used)} with keys that are not active any more</span>
          )}
          <span>
            {names.lastMonth}: {bytes(lastMonth.total_bandwidth_bytes)}
          </span>
        </Figure>
        <Figure name="Requests" value={number(thisMonth.total_requests)}>
          <span>
            {names.lastMonth}: {number(lastMonth.total_requests)}
          </span>
        </Figure>
        <Figure name="Active keys" value={number(active)}>
          <span>
            {undeleted === 0 ? 'All keys are deleted' : `of ${counted(undeleted, 'key')}`}
          </span>
        </Figure>
      </dl>
    </section>
  );
}

function Figure(props: { name: string; value: ReactNode; children: ReactNode }) {
  return (
    <div className={styles.figure}>
      <dt>{props.name}</dt>
      <dd className={styles.value}>{props.value}</dd>
      <dd className={styles.beside}>{props.children}</dd>
    </div>
  );
}
