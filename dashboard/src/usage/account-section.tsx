import { Badge } from '../components/badge.tsx';
import { Loaded } from '../components/loaded.tsx';
import { QuotaMeter } from '../components/quota-meter.tsx';
import { type Column, Table } from '../components/table.tsx';
import type { Account, AccountQuota, AccountTier } from '../data/burns.ts';
import { useAccount } from '../data/use-burns.ts';
import { bytes } from '../format/amount.ts';
import { date } from '../format/time.ts';
import { Section } from '../key/section.tsx';
import { hour, useNow } from '../usage-chart/use-now.ts';
import styles from './account-section.module.css';
import { numberColumn } from './burn-columns.tsx';
import { project } from './projection.ts';

/** This month's usage by tier, against the quota that all keys of a tier share. */
export function AccountSection() {
  const account = useAccount();
  return (
    <Section title="This month’s quota, by tier">
      <div className={styles.account}>
        <Loaded query={account} what="your quota">
          {(value) => <AccountTable value={value} />}
        </Loaded>
      </div>
    </Section>
  );
}

function AccountTable({ value: account }: { value: Account }) {
  const now = useNow(hour);
  // the answer has every self-serve tier, also unused ones
  const tiers = account.tiers.filter(
    (tier) => tier.keys > 0 || tier.used_bytes > 0 || tier.test.used_bytes > 0,
  );
  if (tiers.length === 0) return <p>No usage this month.</p>;
  const quota = (name: string, of: AccountQuota) => (
    <Quota name={name} value={of} resetsAt={account.resets_at} now={now} />
  );
  const columns: Column<AccountTier>[] = [
    { name: 'Tier', kind: 'row', className: styles.tier, cell: ({ tier }) => tier },
    numberColumn('Keys', ({ keys }) => keys),
    {
      name: 'Live keys',
      wide: true,
      cell: (tier) => quota(`Live keys of tier ${tier.tier}`, tier),
    },
    {
      name: 'Test keys, never billed',
      wide: true,
      cell: (tier) =>
        usesTest(tier) ? quota(`Test keys of tier ${tier.tier}`, tier.test) : 'Not used',
    },
  ];
  return (
    <>
      <p className={styles.note}>
        All live keys of a tier share one quota, and all test keys another. Usage of deleted keys
        counts. The usage resets on {date(account.resets_at)} (UTC).
      </p>
      <Table
        caption="This month’s quota, by tier"
        columns={columns}
        rows={tiers}
        idOf={({ tier }) => tier}
        className={styles.tiers}
      />
    </>
  );
}

function usesTest({ test }: AccountTier): boolean {
  return test.used_bytes > 0 || test.requests > 0;
}

/** A quota, its used share, and the projected usage. */
function Quota(props: { name: string; value: AccountQuota; resetsAt: string; now: number }) {
  const { name, value, resetsAt, now } = props;
  const { used_bytes: used, limit_bytes: limit } = value;
  const projection = project({ used, limit }, { resetsAt, now });
  return (
    <div className={styles.quota}>
      <QuotaMeter used={used} limit={limit} name={name} />
      {used >= limit && (
        <p className={styles.note}>
          <Badge kind="bad">Used up</Badge> The gateway refuses these keys until {date(resetsAt)} (
          <code>account_quota_exceeded</code>). Wait until then, or ask the operator for a higher
          quota.
        </p>
      )}
      {projection && used > 0 && (
        <p className={styles.note}>
          {projection.usedUpAt ? (
            <>
              <Badge kind="warning">Runs out</Badge> At this pace, used up on{' '}
              {date(projection.usedUpAt)}, and{' '}
            </>
          ) : (
            'At this pace, '
          )}
          {bytes(projection.atEnd)} by the end of the month.
        </p>
      )}
    </div>
  );
}
