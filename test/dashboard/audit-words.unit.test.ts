import { describe, expect, it } from 'vitest';
import type { AuditEntry } from '../../dashboard/src/data/key.ts';
import { actionWords, actorWords, detailsOf } from '../../dashboard/src/key/audit-words.ts';

const me = '01a206e7-0000-7000-8000-000000000001';
const other = '01a206e7-0000-7000-8000-000000000002';

function anEntry(fields: Partial<AuditEntry>): AuditEntry {
  return {
    id: '01a206e7-0000-7000-8000-00000000000a',
    api_key_id: '01a206e7-0000-7000-8000-00000000000b',
    actor_id: me,
    action: 'updated',
    changes: null,
    reason: null,
    request_id: null,
    tier: null,
    occurred_at: '2026-11-23T05:12:07.123456+00:00',
    ...fields,
  };
}

describe('the action', () => {
  it.each([
    ['minted', 'Created'],
    ['updated', 'Changed'],
    ['rotated', 'Secret rotated'],
    ['deleted', 'Deleted'],
    ['suspended', 'Suspended'],
    ['reactivated', 'Reactivated'],
    ['limits_changed', 'Limits changed'],
    ['account_limits_changed', 'Shared limits changed'],
    ['moved_elsewhere', 'moved elsewhere'],
    ['constructor', 'constructor'],
  ])('%s is shown as “%s”', (action, words) => {
    expect(actionWords({ action })).toBe(words);
  });
});

describe('the actor', () => {
  it.each([
    ['updated', me, 'you'],
    ['suspended', me, 'you'],
    ['suspended', other, 'an admin'],
    ['reactivated', other, 'an admin'],
    ['limits_changed', other, 'an admin'],
    ['account_limits_changed', other, 'an admin'],
    ['deleted', other, 'another account'],
    ['deleted', null, 'the operator'],
  ])('of %s by %s is shown as %s', (action, actor_id, words) => {
    expect(actorWords({ action, actor_id }, me)).toBe(words);
  });
});

describe('the changes', () => {
  it('keep text from users in a separate value', () => {
    const label = '<img src=x onerror=alert(1)>';
    expect(detailsOf(anEntry({ changes: { label } }))).toEqual([
      { text: 'New label:', value: label },
    ]);
  });

  it('include every changed field', () => {
    const changes = {
      label: 'x',
      allowed_ips: ['203.0.113.7/32', '2001:db8::/32'],
      expires_at: '2026-12-31T00:00:00+00:00',
    };
    expect(detailsOf(anEntry({ changes }))).toEqual([
      { text: 'New label:', value: 'x' },
      { text: 'Allowed clients:', value: '203.0.113.7, 2001:db8::/32' },
      { text: 'Expires on 31 Dec 2026, 00:00 UTC' },
    ]);
  });

  it('include what was removed', () => {
    expect(detailsOf(anEntry({ changes: { allowed_ips: [], expires_at: null } }))).toEqual([
      { text: 'Any client can use it' },
      { text: 'Never expires' },
    ]);
  });

  it("include limits, and which are the tier's", () => {
    const changes = {
      tier: 'team',
      limit_overrides: { bandwidth_limit_bytes: 0, tunnel_limit: 1 },
    };
    const entry = anEntry({ action: 'limits_changed', changes, reason: 'unpaid' });
    expect(detailsOf(entry)).toEqual([
      { text: 'Tier:', value: 'team' },
      { text: '0 B per month' },
      { text: 'Connections per second: tier default' },
      { text: '1 concurrent connection' },
      { text: 'Reason:', value: 'unpaid' },
    ]);
  });

  it('are empty for entries without changes', () => {
    expect(detailsOf(anEntry({ action: 'rotated' }))).toEqual([]);
    expect(detailsOf(anEntry({ changes: ['label'] }))).toEqual([]);
    expect(detailsOf(anEntry({ changes: 'label' }))).toEqual([]);
  });
});
