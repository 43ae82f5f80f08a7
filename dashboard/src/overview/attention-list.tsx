import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { writeFilters } from '../components/address-filters.ts';
import { Badge } from '../components/badge.tsx';
import type { Tone } from '../components/tone.ts';
import type { AttentionReason, Key, KeyAttention } from '../data/key.ts';
import { bytes, number, percent } from '../format/amount.ts';
import { ago, dateTime, fromNow } from '../format/time.ts';
import { type KeyFilters, keyFilters } from '../keys/key-filters.ts';
import { keyStates, keyTones } from '../keys/key-state.ts';
import styles from './attention-list.module.css';

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

/** The keys that need attention. Renders nothing if there are none. */
export function AttentionList({ value, now }: { value: KeyAttention; now: number }) {
  if (value.keys.length === 0) return null;
  const all = value.reasons.reduce((sum, { keys }) => sum + keys, 0);
  return (
    <section aria-labelledby="attention" className={styles.attention}>
      <h2 id="attention">Needs your attention</h2>
      <ul className={styles.keys}>
        {value.keys.map(({ reason, ...key }) => (
          <li key={key.id}>
            <Link to={`/keys/${key.key_id}`}>
              <bdi>{key.label}</bdi>
            </Link>
            <Badge kind={reasons[reason].kind}>{reasons[reason].name}</Badge>
            <span className={styles.detail}>{details[reason](key, now)}</span>
          </li>
        ))}
      </ul>
      {all > value.keys.length && <AllOfThem found={value.reasons} all={all} />}
    </section>
  );
}

const details: Record<AttentionReason, (key: Key, now: number) => ReactNode> = {
  quota_used_up: (key) =>
    key.quota_used_up_by === 'account'
      ? `The quota that all ${key.live_mode ? 'live' : 'test'} ${key.tier} keys share is used up.`
      : `${bytes(key.bandwidth_limit_bytes)} per month. The key is refused until the month ends.`,
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

/** Links to all keys that need attention, one per reason. */
function AllOfThem({ found, all }: { found: KeyAttention['reasons']; all: number }) {
  return (
    <p className={styles.all}>
      All {number(all)}:{' '}
      {found.map(({ reason, keys }) => (
        <Link key={reason} to={`/keys?${writeFilters(keyFilters, reasons[reason].filters)}`}>
          {reasons[reason].name} ({number(keys)})
        </Link>
      ))}
    </p>
  );
}
