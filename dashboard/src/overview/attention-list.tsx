import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { writeFilters } from '../components/address-filters.ts';
import { Badge } from '../components/badge.tsx';
import type { Tone } from '../components/tone.ts';
import type { Key } from '../data/key.ts';
import { bytes, number, percent } from '../format/amount.ts';
import { ago, dateTime, fromNow } from '../format/time.ts';
import { type KeyFilters, keyFilters } from '../keys/key-filters.ts';
import { keyStates, keyTones } from '../keys/key-state.ts';
import type { Attention, AttentionReason } from './attention.ts';
import styles from './attention-list.module.css';

const most = 5;

const reasons: Record<AttentionReason, { name: string; kind: Tone; filters: Partial<KeyFilters> }> =
  {
    quota_used_up: {
      name: keyStates.quota_used_up,
      kind: keyTones.quota_used_up,
      filters: { state: 'quota_used_up' },
    },
    suspended: {
      name: keyStates.suspended,
      kind: keyTones.suspended,
      filters: { state: 'suspended' },
    },
    expired: { name: keyStates.expired, kind: keyTones.expired, filters: { state: 'expired' } },
    quota_nearly_used_up: {
      name: 'Quota nearly used up',
      kind: 'warning',
      filters: { state: 'active', sort: { by: 'used', descending: true } },
    },
    expires_soon: { name: 'Expires soon', kind: 'warning', filters: { state: 'active' } },
  };

/** The keys that somebody should look at. Nothing at all where there are none. */
export function AttentionList({ found, now }: { found: Attention[]; now: number }) {
  if (found.length === 0) return null;
  return (
    <section aria-labelledby="attention" className={styles.attention}>
      <h2 id="attention">Needs your attention</h2>
      <ul className={styles.keys}>
        {found.slice(0, most).map(({ key, reason }) => (
          <li key={key.id}>
            <Link to={`/keys/${key.key_id}`}>
              <bdi>{key.label}</bdi>
            </Link>
            <Badge kind={reasons[reason].kind}>{reasons[reason].name}</Badge>
            <span className={styles.detail}>{details[reason](key, now)}</span>
          </li>
        ))}
      </ul>
      {found.length > most && <AllOfThem found={found} />}
    </section>
  );
}

const details: Record<AttentionReason, (key: Key, now: number) => ReactNode> = {
  quota_used_up: (key) => (
    <>{bytes(key.bandwidth_limit_bytes)} a month. It lets nothing through until the month ends.</>
  ),
  suspended: (key, now) => (
    <>
      {key.suspended_at && ago(key.suspended_at, now)}, by an admin
      {key.suspended_reason && (
        <>
          : <bdi>{key.suspended_reason}</bdi>
        </>
      )}
    </>
  ),
  expired: (key, now) => key.expires_at && ago(key.expires_at, now),
  quota_nearly_used_up: (key) => {
    const { bandwidth_used_this_period_bytes: used, bandwidth_limit_bytes: limit } = key;
    return `${percent(used, limit)} of ${bytes(limit)} this month`;
  },
  expires_soon: (key, now) =>
    key.expires_at && `${fromNow(key.expires_at, now)}, on ${dateTime(key.expires_at)}`,
};

/** Where the rest of them are: a link for each reason, to the keys that it fits. */
function AllOfThem({ found }: { found: Attention[] }) {
  const counts = Map.groupBy(found, ({ reason }) => reason);
  return (
    <p className={styles.all}>
      All {number(found.length)}:{' '}
      {[...counts].map(([reason, { length }]) => (
        <Link key={reason} to={`/keys?${writeFilters(keyFilters, reasons[reason].filters)}`}>
          {reasons[reason].name} ({number(length)})
        </Link>
      ))}
    </p>
  );
}
