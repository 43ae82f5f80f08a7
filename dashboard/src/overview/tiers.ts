import type { Key } from '../data/key.ts';

/** What the active keys of a tier come to. */
export interface TierTotal {
  tier: string;
  keys: number;
  used: number;
  limit: number;
}

/** The active keys by tier, the tier with the most keys first. */
export function totalsByTier(keys: Key[]): TierTotal[] {
  const active = keys.filter((key) => key.active);
  return [...Map.groupBy(active, (key) => key.tier)]
    .map(([tier, ofTier]) => ({
      tier,
      keys: ofTier.length,
      used: sum(ofTier, (key) => key.bandwidth_used_this_period_bytes),
      limit: sum(ofTier, (key) => key.bandwidth_limit_bytes),
    }))
    .sort((a, b) => b.keys - a.keys || (a.tier < b.tier ? -1 : 1));
}

function sum(keys: Key[], of: (key: Key) => number): number {
  return keys.reduce((total, key) => total + of(key), 0);
}
