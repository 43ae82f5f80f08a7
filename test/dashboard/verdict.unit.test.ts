import { expect, it } from 'vitest';
import { keyReference } from '../../dashboard/src/admin/find-filters.ts';
import { verdictOf } from '../../dashboard/src/admin/verdict.ts';
import type { FoundKey } from '../../dashboard/src/data/key.ts';
import type { Person } from '../../dashboard/src/data/use-any-key.ts';
import { refusalCodes } from '../../gateway/refusal.ts';
import { aKey } from './a-key.ts';

const person: Person = { user_id: 'u', email: 'o@example.com', removed: false, barred_until: null };
const account = { period: '2026-11', resets_at: '2026-12-01T00:00:00+00:00', tiers: [] };

const verdict = (key: Partial<FoundKey>, owner: Partial<Person> = {}) =>
  verdictOf({
    key: { ...aKey(), email: 'o@example.com', ...key } as FoundKey,
    owner: { ...person, ...owner },
    account,
    last_event: null,
  });

it.each<[Partial<FoundKey>, string | undefined, string]>([
  [{ state: 'active' }, undefined, 'within its limits'],
  [
    { state: 'deleted', deleted_at: '2026-11-01T00:00:00Z' },
    '407 credentials_required',
    'deleted on 1 Nov 2026',
  ],
  [
    { state: 'suspended', suspended_at: '2026-11-02T00:00:00Z' },
    '403 key_suspended',
    'on 2 Nov 2026',
  ],
  [
    { state: 'expired', expires_at: '2026-11-03T00:00:00Z' },
    '407 credentials_required',
    'expired on 3 Nov 2026',
  ],
  [{ state: 'quota_used_up', quota_used_up_by: 'key' }, '402 quota_exceeded', 'used its quota'],
  [
    { state: 'quota_used_up', quota_used_up_by: 'account' },
    '402 account_quota_exceeded',
    'All live keys',
  ],
])("the verdict on %o has the gateway's answer and the reason", (key, refusal, why) => {
  const found = verdict(key);
  expect(found.refusal).toBe(refusal);
  expect(found.why).toContain(why);
  expect(found.next).not.toBe('');
  if (refusal) expect(refusalCodes).toContain(refusal.split(' ')[1]);
});

it("the verdict has the end of the owner's ban, or that it is permanent", () => {
  const state = 'owner_barred';
  expect(verdict({ state }, { barred_until: '2027-01-02T00:00:00Z' }).why).toContain('2 Jan 2027');
  expect(verdict({ state }, { barred_until: '2100-01-01T00:00:00Z' }).why).toContain('permanently');
});

it('the verdict offers no way back for a key of a removed account', () => {
  expect(verdict({ state: 'deleted' }, { removed: true }).next).toContain('cannot be reactivated');
});

it.each([
  ['AVP_LIVE_0123456789AB', 'avp_live_0123456789ab'],
  [' avp_test_0123456789ab ', 'avp_test_0123456789ab'],
  ['01A22A0C-3CD6-7379-943C-7D73812DD4A2', '01a22a0c-3cd6-7379-943c-7d73812dd4a2'],
  ['avp_live_0123', undefined],
  ['a@example.com', undefined],
  ['', undefined],
])('the search reads %j as the key %j', (typed, reference) => {
  expect(keyReference(typed)).toBe(reference);
});
