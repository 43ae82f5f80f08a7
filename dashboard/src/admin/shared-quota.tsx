import { QuotaMeter } from '../components/quota-meter.tsx';
import type { KeyReading } from '../data/use-any-key.ts';
import { date } from '../format/time.ts';
import styles from '../key/facts.module.css';
import { Fact } from '../key/facts.tsx';

/** The quota that the key shares with the owner's other keys of its tier and mode. */
export function SharedQuota({ value: { key, account } }: { value: KeyReading }) {
  const tier = account?.tiers.find((each) => each.tier === key.tier);
  if (!account || !tier) return null;
  const { used_bytes: used, limit_bytes: limit } = key.live_mode ? tier : tier.test;
  const overridden =
    (key.live_mode ? 'account_limit_bytes' : 'test_limit_bytes') in tier.limit_overrides;
  const name = `Shared by all ${key.live_mode ? 'live' : 'test'} keys of the tier, this month (UTC)`;
  return (
    <Fact name={name}>
      <QuotaMeter used={used} limit={limit} name={name} />
      <span className={styles.note}>
        {overridden ? 'Set for this account by an admin.' : `From tier ${key.tier}.`} Resets on{' '}
        {date(account.resets_at)}.
      </span>
    </Fact>
  );
}
