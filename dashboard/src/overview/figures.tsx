import type { ReactNode } from 'react';
import { Loaded } from '../components/loaded.tsx';
import type { Account } from '../data/burns.ts';
import type { KeyAttention, UsagePoint } from '../data/key.ts';
import { useAccount } from '../data/use-burns.ts';
import { useUsageSeries } from '../data/use-usage.ts';
import { bytes, counted, number } from '../format/amount.ts';
import { month, startOfMonth } from '../format/time.ts';
import { usagePeriod } from '../usage-chart/usage-periods.ts';
import { hour, useNow } from '../usage-chart/use-now.ts';
import styles from './figures.module.css';

/** The month in three figures, each with a figure to compare. */
export function Figures({ keys }: { keys: KeyAttention | undefined }) {
  const account = useAccount();
  return (
    <section aria-labelledby="figures" className={styles.section}>
      <div className={styles.head}>
        <h2 id="figures">{month(useNow(hour))} so far</h2>
        <p className={styles.note}>Months, days and hours are in UTC.</p>
      </div>
      <Loaded query={account} what="your figures">
        {(value) => <Month account={value} keys={keys} />}
      </Loaded>
    </section>
  );
}

function Month({ account, keys }: { account: Account; keys: KeyAttention | undefined }) {
  const now = useNow(hour);
  const lastMonth = startOfMonth(now, -1);
  // the same query as the chart's first one
  const points = useUsageSeries(usagePeriod('month', now).span).data;
  const before = points && sumOf(points, lastMonth, startOfMonth(now));
  const { live, test } = totalsOf(account);
  const active = keys?.states.find(({ state }) => state === 'active')?.keys;
  const undeleted = account.tiers.reduce((sum, tier) => sum + tier.keys, 0);
  return (
    <dl className={styles.figures}>
      <Figure name="Traffic" value={bytes(live.bytes + test.bytes)}>
        {test.bytes > 0 && <span>Test keys, never billed: {bytes(test.bytes)}</span>}
        {before && (
          <span>
            {month(lastMonth)}: {bytes(before.bytes)}
          </span>
        )}
      </Figure>
      <Figure name="Requests" value={number(live.requests + test.requests)}>
        {before && (
          <span>
            {month(lastMonth)}: {number(before.requests)}
          </span>
        )}
      </Figure>
      <Figure name="Active keys" value={active === undefined ? '…' : number(active)}>
        <span>{undeleted === 0 ? 'All keys are deleted' : `of ${counted(undeleted, 'key')}`}</span>
      </Figure>
    </dl>
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

function totalsOf({ tiers }: Account) {
  const live = { bytes: 0, requests: 0 };
  const test = { bytes: 0, requests: 0 };
  for (const tier of tiers) {
    live.bytes += tier.used_bytes;
    live.requests += tier.requests;
    test.bytes += tier.test.used_bytes;
    test.requests += tier.test.requests;
  }
  return { live, test };
}

/** The sum of the days from `from` up to, but not including, `to`. */
function sumOf(points: UsagePoint[], from: Date, to: Date) {
  const sum = { bytes: 0, requests: 0 };
  for (const { start, requests, bytes_sent, bytes_received } of points) {
    const time = Date.parse(start);
    if (time < from.getTime() || time >= to.getTime()) continue;
    sum.bytes += bytes_sent + bytes_received;
    sum.requests += requests;
  }
  return sum;
}
