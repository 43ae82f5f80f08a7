import { describe, expect, it } from 'vitest';
import type { Key } from '../../dashboard/src/data/key.ts';
import { stateOf } from '../../dashboard/src/keys/key-state.ts';
import { aKey } from './a-key.ts';

const now = Date.parse('2026-11-23T12:00:00Z');
const before = '2026-11-23T11:00:00+00:00';
const after = '2026-11-23T13:00:00+00:00';

describe('the state of a key', () => {
  const cases: [string, Partial<Key>, string | undefined][] = [
    ['nothing else', {}, undefined],
    ['a future expiry', { expires_at: after }, 'Until 23 Nov 2026'],
    ['a grace period', { grace_ends_at: after }, 'Just rotated'],
    ['a grace period that has ended', { grace_ends_at: before }, undefined],
    ['a past expiry', { state: 'expired', expires_at: before }, 'On 23 Nov 2026'],
    [
      'its own quota used up',
      { state: 'quota_used_up', quota_used_up_by: 'key' },
      'the quota is raised',
    ],
    [
      'the quota of the live keys used up',
      { state: 'quota_used_up', quota_used_up_by: 'account' },
      'All live keys of the tier share',
    ],
    [
      'the quota of the test keys used up',
      { state: 'quota_used_up', quota_used_up_by: 'account', live_mode: false },
      'All test keys of the tier share',
    ],
    ['a suspension', { state: 'suspended', suspended_at: before }, 'By an admin'],
    ['a banned account', { state: 'owner_barred' }, 'banned or removed'],
    ['a deletion', { state: 'deleted', deleted_at: before }, 'Since 23 Nov 2026'],
  ];
  it.each(cases)("with %s is the database's state, with an explanation", (_, fields, words) => {
    const key = aKey(fields);
    const { state, explanation } = stateOf(key, now);
    expect(state).toBe(key.state);
    if (words === undefined) expect(explanation).toBeUndefined();
    else expect(explanation).toContain(words);
  });

  it('includes an admin’s reason for a suspension, but not after a deletion', () => {
    const reason = { suspended_at: before, suspended_reason: 'abuse report 17' };
    expect(stateOf(aKey({ ...reason, state: 'suspended' }), now).reason).toBe('abuse report 17');
    const deleted = aKey({ ...reason, state: 'deleted', deleted_at: before });
    expect(stateOf(deleted, now).reason).toBeUndefined();
  });
});
