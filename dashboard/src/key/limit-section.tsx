import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { QuotaMeter } from '../components/quota-meter.tsx';
import type { Key } from '../data/key.ts';
import { useReader } from '../data/reader.ts';
import { type LimitName, limits } from '../format/limits.ts';
import { date, startOfMonth } from '../format/time.ts';
import { hour, useNow } from '../usage-chart/use-now.ts';
import styles from './facts.module.css';
import { Fact, Facts } from './facts.tsx';
import { Section } from './section.tsx';

/** The key's limits, their origin, and how much of the quota is used; `children` are more facts. */
export function LimitSection({ value: key, children }: { value: Key; children?: ReactNode }) {
  const now = useNow(hour);
  const { asked } = useReader();
  const origin = (name: LimitName) => (
    <span className={styles.note}>
      {name in key.limit_overrides ? 'Set for this key by an admin.' : `From tier ${key.tier}.`}
    </span>
  );
  return (
    <Section title="Limits" framed>
      <Facts stacked>
        <Fact name="Used this month (UTC)">
          <QuotaMeter
            used={key.bandwidth_used_this_period_bytes}
            limit={key.bandwidth_limit_bytes}
            name="Used this month"
          />
          {origin('bandwidth_limit_bytes')}
          <span className={styles.note}>Resets on {date(startOfMonth(now, 1))}.</span>
        </Fact>
        <Fact name="Rate">
          {limits.rate_limit.words(key.rate_limit)}
          {origin('rate_limit')}
        </Fact>
        <Fact name="Concurrent connections, per gateway">
          {limits.tunnel_limit.words(key.tunnel_limit)}
          {origin('tunnel_limit')}
        </Fact>
        {children}
      </Facts>
      {!key.deleted_at && !asked.as_admin && (
        <Link to={`/alerts/thresholds?key=${key.key_id}`} className={styles.link ?? ''}>
          Alert thresholds
        </Link>
      )}
    </Section>
  );
}
