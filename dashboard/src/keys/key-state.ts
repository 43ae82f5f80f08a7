import type { Tone } from '../components/tone.ts';
import type { Key } from '../data/key.ts';
import { dateTime } from '../format/time.ts';

/** Whether and why a key lets traffic through, in words. */
export interface KeyState {
  state: 'active' | 'quota_used_up' | 'suspended' | 'expired' | 'deleted';
  name: string;
  kind: Tone;
  /** What that means, where the name alone does not say it. */
  explanation?: string;
  /** Why, in an admin's own words. */
  reason?: string;
}

/** The states that there are, by what the list's filter calls them. */
export const keyStates: Record<KeyState['state'], string> = {
  active: 'Active',
  quota_used_up: 'Quota used up',
  suspended: 'Suspended',
  expired: 'Expired',
  deleted: 'Deleted',
};

/** The colour of each: what the gateway refuses is bad, until somebody changes that. */
export const keyTones = {
  active: 'good',
  quota_used_up: 'bad',
  suspended: 'bad',
  expired: 'bad',
  deleted: 'neutral',
} as const satisfies Record<KeyState['state'], Tone>;

/** The state of a key at `now`, in milliseconds since the epoch: what the gateway would answer. */
export function stateOf(key: Key, now: number): KeyState {
  const named = (state: KeyState['state'], explanation?: string) => ({
    state,
    name: keyStates[state],
    kind: keyTones[state],
    ...(explanation ? { explanation } : {}),
  });
  if (key.deleted_at) {
    return named('deleted', `Since ${dateTime(key.deleted_at)}. Its usage stays.`);
  }
  if (key.suspended_at) {
    const suspended = named('suspended', `By an admin, on ${dateTime(key.suspended_at)}.`);
    return { ...suspended, ...(key.suspended_reason ? { reason: key.suspended_reason } : {}) };
  }
  if (key.expires_at && Date.parse(key.expires_at) <= now) {
    return named('expired', `On ${dateTime(key.expires_at)}. Another expiry brings it back.`);
  }
  if (key.bandwidth_used_this_period_bytes >= key.bandwidth_limit_bytes) {
    return named('quota_used_up', 'Until the month ends (UTC), or its limit is raised.');
  }
  if (key.grace_ends_at && Date.parse(key.grace_ends_at) > now) {
    return named('active', 'Just rotated: the old secret works for some seconds more.');
  }
  if (key.expires_at) return named('active', `Until ${dateTime(key.expires_at)}.`);
  return named('active');
}
