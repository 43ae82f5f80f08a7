import { describe, expect, it } from 'vitest';
import type { Key } from '../../dashboard/src/data/key.ts';
import { stateOf } from '../../dashboard/src/keys/key-state.ts';
import { aKey } from './a-key.ts';

const now = Date.parse('2026-11-23T12:00:00Z');
const before = '2026-11-23T11:00:00+00:00';
const after = '2026-11-23T13:00:00+00:00';

describe('the state of a key', () => {
  const cases: [string, Partial<Key>, string][] = [
    ['nothing else', {}, 'active'],
    ['an expiry to come', { expires_at: after }, 'active'],
    ['a grace', { grace_ends_at: after }, 'active'],
    ['an expiry that was', { expires_at: before }, 'expired'],
    ['an expiry that is now', { expires_at: '2026-11-23T12:00:00+00:00' }, 'expired'],
    ['all its bytes used', { bandwidth_used_this_period_bytes: 5_000_000_000 }, 'quota_used_up'],
    ['a byte left', { bandwidth_used_this_period_bytes: 4_999_999_999 }, 'active'],
    ['a limit of nothing', { bandwidth_limit_bytes: 0 }, 'quota_used_up'],
    ['a suspension', { suspended_at: before, expires_at: before }, 'suspended'],
    ['a deletion', { deleted_at: before, suspended_at: before, expires_at: before }, 'deleted'],
  ];
  for (const [what, fields, state] of cases) {
    it(`with ${what} is ${state}`, () => {
      expect(stateOf(aKey(fields), now).state).toBe(state);
    });
  }

  it('has an admin’s reason with a suspension', () => {
    const suspended = aKey({ suspended_at: before, suspended_reason: 'abuse report 17' });
    expect(stateOf(suspended, now).reason).toBe('abuse report 17');
  });
});
