import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectSameAnswer, expectSameRefusal } from '../../support/both-ways.ts';
import { calls } from '../../support/calls.ts';
import { insertKeys } from '../../support/key-scenes.ts';
import { connectOwner, newUser, type Persona } from '../../support/personas.ts';

const sql = connectOwner();
let owner: Persona;

interface Pressing {
  label: string;
  reason?: string;
  used?: number;
  limit?: number;
  suspended?: number;
  expires?: number;
  deleted?: boolean;
}

/** Keys in the order in which they need attention, with their times in days from now. */
const pressing: Pressing[] = [
  { label: 'full', reason: 'quota_used_up', used: 1_001 },
  { label: 'without a quota', reason: 'quota_used_up', limit: 0 },
  { label: 'suspended', reason: 'suspended', suspended: -2, used: 1_000 },
  { label: 'expired', reason: 'expired', expires: -3 },
  { label: 'nearer', reason: 'quota_nearly_used_up', used: 990, expires: 1 },
  { label: 'near', reason: 'quota_nearly_used_up', used: 800 },
  { label: 'sooner', reason: 'expires_soon', expires: 1 },
  { label: 'soon', reason: 'expires_soon', expires: 6.99 },
  { label: 'suspended long ago', reason: 'suspended', suspended: -8 },
  { label: 'expired long ago', reason: 'expired', expires: -60 },
];
const well: Pressing[] = [
  { label: 'well', used: 799, expires: 7.01 },
  { label: 'deleted', suspended: -2, deleted: true },
];

beforeAll(async () => {
  owner = await newUser();
  const all = [...well, ...pressing];
  const made = await insertKeys(sql, owner.id, { count: all.length });
  for (const [n, { id }] of made.entries()) {
    const { label, used = 0, limit = 1_000, suspended, expires, deleted } = all[n] as Pressing;
    const inDays = (days: number | undefined) =>
      days === undefined ? null : new Date(Date.now() + days * 86_400_000);
    await sql`
      update proxy_private.proxy_keys
      set label = ${label}, limit_overrides = ${sql.json({ bandwidth_limit_bytes: limit })},
        suspended_at = ${inDays(suspended)}, expires_at = ${inDays(expires)},
        deleted_at = ${deleted ? new Date() : null}
      where id = ${id}`;
    await sql`
      insert into proxy_private.proxy_usage_monthly (
        api_key_id, month, user_id, requests, bytes_sent, bytes_received, last_used_at
      )
      values (
        ${id}, date_trunc('month', now() at time zone 'UTC')::date, ${owner.id}, 1, ${used}, 0, now()
      )`;
  }
});
afterAll(() => sql.end());

it('the most pressing keys come first, with the reason and the number of keys', async () => {
  const { data } = await expectSameAnswer(calls.attention(owner, { limit: 200 }));
  const { keys, ...figures } = data as { keys: { label: string; reason: string }[] };
  expect(keys.map(({ label, reason }) => [label, reason])).toEqual(
    pressing.map(({ label, reason }) => [label, reason]),
  );
  expect(figures).toEqual({
    hasKeys: true,
    states: [
      { state: 'active', keys: 5 },
      { state: 'quota_used_up', keys: 2 },
      { state: 'suspended', keys: 2 },
      { state: 'expired', keys: 2 },
    ],
    reasons: [
      { reason: 'quota_used_up', keys: 2 },
      { reason: 'expired', keys: 2 },
      { reason: 'suspended', keys: 2 },
      { reason: 'quota_nearly_used_up', keys: 2 },
      { reason: 'expires_soon', keys: 2 },
    ],
  });
});

it('five are shown by default, and all are counted', async () => {
  const { data } = await expectSameAnswer(calls.attention(owner));
  const { keys, reasons } = data as { keys: { label: string }[]; reasons: unknown[] };
  expect(keys.map(({ label }) => label)).toEqual(pressing.slice(0, 5).map(({ label }) => label));
  expect(reasons).toHaveLength(5);
});

it.each([
  ['no key', 0, false],
  ['only deleted keys', 2, true],
])('with %s, nothing needs attention', async (_, count, hasKeys) => {
  const user = await newUser();
  if (count > 0) await insertKeys(sql, user.id, { count, deleted: true });
  const { data } = await expectSameAnswer(calls.attention(user));
  expect(data).toMatchObject({ hasKeys, reasons: [], keys: [] });
  const { states } = data as { states: { keys: number }[] };
  expect(states.every(({ keys }) => keys === 0)).toBe(true);
});

it.each([0, 201])('a limit of %s is refused over HTTP and RPC', async (limit) => {
  await expectSameRefusal(calls.attention(owner, { limit }), 400, 'invalid_request', 'limit');
});
