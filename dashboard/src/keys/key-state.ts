import type { Tone } from '../components/tone.ts';
import type { Key, KeyStateName } from '../data/key.ts';
import { dateTime } from '../format/time.ts';

/** A key's state in words. */
export interface KeyState {
  state: KeyStateName;
  name: string;
  kind: Tone;
  /** An explanation, if the name needs one. */
  explanation?: string;
  /** An admin's reason. */
  reason?: string;
}

/** All states and their names, also for the list's filter. */
export const keyStates: Record<KeyStateName, string> = {
  active: 'Active',
  quota_used_up: 'Quota used up',
  suspended: 'Suspended',
  expired: 'Expired',
  owner_barred: 'Account banned',
  deleted: 'Deleted',
};

/** The color of each state: bad for a key that the gateway refuses until someone acts. */
export const keyTones = {
  active: 'good',
  quota_used_up: 'bad',
  suspended: 'bad',
  expired: 'bad',
  owner_barred: 'bad',
  deleted: 'neutral',
} as const satisfies Record<KeyStateName, Tone>;

/** The state of a key at `now`, in milliseconds since the epoch: the database's state, in words. */
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
      return key.deleted_at ? `Since ${dateTime(key.deleted_at)}. Its usage is kept.` : undefined;
    case 'suspended':
      return key.suspended_at ? `By an admin, on ${dateTime(key.suspended_at)}.` : undefined;
    case 'expired':
      return key.expires_at
        ? `On ${dateTime(key.expires_at)}. To use it again, set a later expiry.`
        : undefined;
    case 'owner_barred':
      return 'The owner’s account is banned or removed.';
    case 'quota_used_up':
      return key.quota_used_up_by === 'account'
        ? `All ${key.live_mode ? 'live' : 'test'} keys of the tier share this quota. Refused until the month ends (UTC) or the quota is raised.`
        : 'Refused until the month ends (UTC) or the quota is raised.';
    case 'active':
      if (key.grace_ends_at && Date.parse(key.grace_ends_at) > now) {
        return 'Just rotated. The old secret works for a few more seconds.';
      }
      return key.expires_at ? `Until ${dateTime(key.expires_at)}.` : undefined;
  }
}
