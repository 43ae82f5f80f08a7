import type { Tone } from '../components/tone.ts';
import type { Key, KeyStateName } from '../data/key.ts';
import { dateTime } from '../format/time.ts';

/** Whether and why a key lets traffic through, in words. */
export interface KeyState {
  state: KeyStateName;
  name: string;
  kind: Tone;
  /** What that means, where the name alone does not say it. */
  explanation?: string;
  /** Why, in an admin's own words. */
  reason?: string;
}

/** The states that there are, by what the list's filter calls them. */
export const keyStates: Record<KeyStateName, string> = {
  active: 'Active',
  quota_used_up: 'Quota used up',
  suspended: 'Suspended',
  expired: 'Expired',
  owner_barred: 'Account banned',
  deleted: 'Deleted',
};

/** The colour of each: what the gateway refuses is bad, until somebody changes that. */
export const keyTones = {
  active: 'good',
  quota_used_up: 'bad',
  suspended: 'bad',
  expired: 'bad',
  owner_barred: 'bad',
  deleted: 'neutral',
} as const satisfies Record<KeyStateName, Tone>;

/** The state of a key at `now`, in milliseconds since the epoch: what the database says of it, in words. */
export function stateOf(key: Key, now: number): KeyState {
  const { state, suspended_reason: reason } = key;
  const explanation = explain(key, now);
  return {
    state,
    name: keyStates[state],
    kind: keyTones[state],
    ...(explanation ? { explanation } : {}),
    ...(state === 'suspended' && reason ? { reason } : {}),
  };
}

function explain(key: Key, now: number): string | undefined {
  switch (key.state) {
    case 'deleted':
      return key.deleted_at ? `Since ${dateTime(key.deleted_at)}. Its usage stays.` : undefined;
    case 'suspended':
      return key.suspended_at ? `By an admin, on ${dateTime(key.suspended_at)}.` : undefined;
    case 'expired':
      return key.expires_at
        ? `On ${dateTime(key.expires_at)}. Another expiry brings it back.`
        : undefined;
    case 'owner_barred':
      return 'Its account is banned or removed.';
    case 'quota_used_up':
      return key.quota_used_up_by === 'account'
        ? `The quota that all ${key.live_mode ? 'live' : 'test'} keys of the tier share. Until the month ends (UTC), or that limit is raised.`
        : 'Until the month ends (UTC), or its limit is raised.';
    case 'active':
      if (key.grace_ends_at && Date.parse(key.grace_ends_at) > now) {
        return 'Just rotated: the old secret works for some seconds more.';
      }
      return key.expires_at ? `Until ${dateTime(key.expires_at)}.` : undefined;
  }
}
