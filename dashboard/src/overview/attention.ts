import type { Key } from '../data/key.ts';
import { type KeyState, stateOf } from '../keys/key-state.ts';
import { day } from '../usage-chart/use-now.ts';

/** Why somebody should look at a key. */
export type AttentionReason =
  | Exclude<KeyState['state'], 'active' | 'deleted'>
  | 'quota_nearly_used_up'
  | 'expires_soon';

/** A key that somebody should look at, and why. */
export interface Attention {
  key: Key;
  reason: AttentionReason;
}

const week = 7 * day;
const nearlyUsedUp = 0.8;

/**
 * The keys that need attention at `now`, the most pressing first: what lets nothing through this month
 * or since this week, then what is about to, then what has stopped longer ago.
 */
export function needsAttention(keys: Key[], now: number): Attention[] {
  return keys
    .flatMap((key) => {
      const found = pressing(key, now);
      return found ? [{ key, ...found }] : [];
    })
    .sort((a, b) => a.rank - b.rank || a.order - b.order)
    .map(({ key, reason }) => ({ key, reason }));
}

/** Why, how pressing (0 is most), and the order among what is as pressing (the smallest first). */
function pressing(
  key: Key,
  now: number,
): { reason: AttentionReason; rank: number; order: number } | undefined {
  const share = key.bandwidth_used_this_period_bytes / key.bandwidth_limit_bytes;
  const expiresAt = key.expires_at ? Date.parse(key.expires_at) : Number.POSITIVE_INFINITY;
  const stopped = (reason: AttentionReason, at: number) => ({
    reason,
    rank: now - at <= week ? 1 : 4,
    order: -at,
  });
  const { state } = stateOf(key, now);
  if (state === 'deleted') return;
  if (state === 'suspended') return stopped(state, Date.parse(key.suspended_at ?? ''));
  if (state === 'expired') return stopped(state, expiresAt);
  if (state === 'quota_used_up') {
    return { reason: state, rank: 0, order: -key.bandwidth_used_this_period_bytes };
  }
  if (share >= nearlyUsedUp) return { reason: 'quota_nearly_used_up', rank: 2, order: -share };
  if (expiresAt - now <= week) return { reason: 'expires_soon', rank: 3, order: expiresAt };
  return;
}
