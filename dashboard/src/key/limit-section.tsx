import { QuotaMeter } from '../components/quota-meter.tsx';
import type { Key } from '../data/key.ts';
import { useTiers } from '../data/use-tiers.ts';
import { counted } from '../format/amount.ts';
import { date, startOfMonth } from '../format/time.ts';
import styles from './facts.module.css';
import { Fact, Facts } from './facts.tsx';
import { Section } from './section.tsx';

/** How much the key may do, how much of that is used, and where the limits come from. */
export function LimitSection({ value: key }: { value: Key }) {
  const { data: tiers } = useTiers();
  const tier = tiers?.find((one) => one.tier === key.tier);
  const origin = (own: number, ofTier: number | undefined) =>
    ofTier !== undefined && (
      <span className={styles.note}>
        {own === ofTier ? `From the tier ${key.tier}.` : 'Set for this key by an admin.'}
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
          {origin(key.bandwidth_limit_bytes, tier?.bandwidth_limit_bytes)}
          <span className={styles.note}>Begins anew on {date(startOfMonth(Date.now(), 1))}.</span>
        </Fact>
        <Fact name="Rate">
          {counted(key.rate_limit, 'connection')} a second
          {origin(key.rate_limit, tier?.rate_limit)}
        </Fact>
        <Fact name="Open at once">
          {counted(key.tunnel_limit, 'connection')} on each gateway
          {origin(key.tunnel_limit, tier?.tunnel_limit)}
        </Fact>
      </Facts>
    </Section>
  );
}
