import { describe, expect, it } from 'vitest';
import type { Key } from '../../dashboard/src/data/key.ts';
import { needsAttention } from '../../dashboard/src/overview/attention.ts';
import { aKey } from './a-key.ts';

const now = Date.parse('2026-11-23T12:00:00Z');
const day = 86_400_000;
const inDays = (days: number) => new Date(now + days * day).toISOString();

const key = (label: string, fields: Partial<Key> = {}): Key =>
  aKey({
    id: label,
    key_id: `avp_live_${label}`,
    label,
    bandwidth_limit_bytes: 1_000,
    created_at: inDays(-100),
    ...fields,
  });
const found = (...keys: Key[]) =>
  needsAttention(keys, now).map(({ key: { label }, reason }) => [label, reason]);

describe('what needs attention', () => {
  it('is nothing of keys that are well or deleted', () => {
    expect(
      found(
        key('well', { bandwidth_used_this_period_bytes: 799, expires_at: inDays(7.01) }),
        key('deleted', { deleted_at: inDays(-1), suspended_at: inDays(-2) }),
      ),
    ).toEqual([]);
  });

  it.each([
    ['quota_nearly_used_up', { bandwidth_used_this_period_bytes: 800 }],
    ['quota_used_up', { bandwidth_used_this_period_bytes: 1_000 }],
    ['quota_used_up', { bandwidth_limit_bytes: 0 }],
    ['suspended', { suspended_at: inDays(-30), bandwidth_used_this_period_bytes: 1_000 }],
    ['expired', { expires_at: inDays(0) }],
    ['expires_soon', { expires_at: inDays(7) }],
  ])('is %s', (reason, fields) => {
    expect(found(key('one', fields))).toEqual([['one', reason]]);
  });

  it('begins with what is the most pressing', () => {
    expect(
      found(
        key('suspended long ago', { suspended_at: inDays(-8) }),
        key('soon', { expires_at: inDays(6) }),
        key('sooner', { expires_at: inDays(1) }),
        key('near', { bandwidth_used_this_period_bytes: 850 }),
        key('nearer', { bandwidth_used_this_period_bytes: 990 }),
        key('expired', { expires_at: inDays(-3) }),
        key('suspended', { suspended_at: inDays(-2) }),
        key('full', { bandwidth_used_this_period_bytes: 1_001 }),
        key('expired long ago', { expires_at: inDays(-60) }),
      ).map(([label]) => label),
    ).toEqual([
      'full',
      'suspended',
      'expired',
      'nearer',
      'near',
      'sooner',
      'soon',
      'suspended long ago',
      'expired long ago',
    ]);
  });
});
