import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AnnouncedChanges, listenForChanges } from '../../support/announced-changes.ts';
import { askBy, expectSameAnswer, expectSameRefusal } from '../../support/both-ways.ts';
import { calls, type Fields } from '../../support/calls.ts';
import { readOwnAudit } from '../../support/own-history.ts';
import {
  connectGateway,
  connectOwner,
  newAdmin,
  newUser,
  type Persona,
} from '../../support/personas.ts';
import { type SeededKey, seedKey } from '../../support/seeded-keys.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
const reason = 'A large customer.';
const most = Number.MAX_SAFE_INTEGER;
let user: Persona;
let admin: Persona;
let key: SeededKey;
let announced: AnnouncedChanges;

beforeAll(async () => {
  admin = await newAdmin();
  announced = await listenForChanges(gateway);
});
beforeEach(async () => {
  user = await newUser();
  key = await seedKey(sql, user.id);
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const set = (fields: Fields) => calls.limitAccount(admin, { tier: 'developer', reason, ...fields });

/** A tier's limits in an account. */
function limitsOf(account: Fields | null, name = 'developer') {
  const tiers = account?.tiers as (Fields & { test: Fields })[];
  const found = tiers.find(({ tier }) => tier === name);
  return {
    live: found?.limitBytes,
    test: found?.test.limitBytes,
    limitOverrides: found?.limitOverrides,
  };
}

async function readAudit() {
  const rows = await readOwnAudit(user);
  return rows
    .filter(({ action }) => action === 'account_limits_changed')
    .map(({ tier, actor_id, reason, changes, api_key_id }) => ({
      tier,
      actor_id,
      reason,
      changes,
      api_key_id,
    }));
}

describe.each(Object.entries(askBy))('an admin, by %s,', (_, ask) => {
  it.each(['id', 'email'] as const)('sets the limits of an account by its %s', async (name) => {
    const answer = await ask(set({ user: user[name], accountLimitBytes: 123, testLimitBytes: 4 }));
    const expected = {
      live: 123,
      test: 4,
      limitOverrides: { accountLimitBytes: 123, testLimitBytes: 4 },
    };
    expect(answer).toMatchObject({ status: 200, data: { userId: user.id } });
    expect(limitsOf(answer.data)).toEqual(expected);
    expect(limitsOf((await ask(calls.account(user))).data)).toEqual(expected);
    const [found] = await gateway`
      select account_limit_bytes from gateway.lookup_proxy_key(${key.keyId})`;
    expect(found).toEqual({ account_limit_bytes: '123' });
    expect(await readAudit()).toEqual([
      {
        tier: 'developer',
        actor_id: admin.id,
        reason,
        changes: { limit_overrides: { account_limit_bytes: 123, test_limit_bytes: 4 } },
        api_key_id: null,
      },
    ]);
  });

  it('sets one limit without changing the other, and removes one with null', async () => {
    const tier = { live: 25e9, test: 100e6 };
    const steps = [
      [{ accountLimitBytes: most }, { ...tier, live: most }],
      [{ testLimitBytes: 0 }, { live: most, test: 0 }],
      [{}, { live: most, test: 0 }],
      [{ accountLimitBytes: null }, { ...tier, test: 0 }],
      [{ testLimitBytes: null }, tier],
    ] as const;
    for (const [fields, limits] of steps) {
      expect(limitsOf((await ask(set({ user: user.id, ...fields }))).data)).toMatchObject(limits);
    }
    // a change without effect is neither audited nor announced
    expect(await readAudit()).toHaveLength(4);
    expect(await announced.countOf(key.keyId)).toBe(4);
  });

  it('sets the limits of one tier only, even of a tier that the user may not use', async () => {
    const answer = await ask(set({ user: user.id, tier: 'enterprise', accountLimitBytes: 5 }));
    expect(limitsOf(answer.data, 'enterprise')).toMatchObject({ live: 5, test: 1e9 });
    expect(limitsOf(answer.data)).toMatchObject({ live: 25e9, limitOverrides: {} });
    expect(await announced.countOf(key.keyId)).toBe(0);
  });
});

it("an admin reads any user's account as the user does", async () => {
  for (const name of [user.id, user.email, user.email.toUpperCase()]) {
    const { data } = await expectSameAnswer(calls.findAccount(admin, { user: name }));
    expect(data).toEqual((await expectSameAnswer(calls.account(user))).data);
  }
});

describe('refused limits', () => {
  it.each<[string, Fields, string]>([
    ['negative bytes', { accountLimitBytes: -1 }, 'accountLimitBytes'],
    ['bytes as text', { testLimitBytes: '5' }, 'testLimitBytes'],
    ['half a byte', { accountLimitBytes: 1.5 }, 'accountLimitBytes'],
    ['an empty reason', { accountLimitBytes: 1, reason: ' ' }, 'reason'],
    ['an unknown tier', { accountLimitBytes: 1, tier: 'golden' }, 'tier'],
  ])('include %s', async (_, fields, field) => {
    await expectSameRefusal(set({ user: user.id, ...fields }), 400, 'invalid_request', field);
    expect(await readAudit()).toEqual([]);
  });

  it("include a key's limits and unknown limits", async () => {
    for (const name of ['rate_limit', 'bandwidth_limit_bytes', 'sum']) {
      const { error } = await admin.supabase.rpc('set_proxy_account_limits', {
        user: user.id,
        tier: 'developer',
        reason,
        limits: { [name]: 5 },
      });
      expect(error).toMatchObject({ code: 'PT400', hint: 'invalid_request', details: name });
    }
  });

  it('include those of an unknown user', async () => {
    for (const name of [randomUUID(), 'nobody@example.com']) {
      await expectSameRefusal(set({ user: name, accountLimitBytes: 1 }), 404, 'user_not_found');
      await expectSameRefusal(calls.findAccount(admin, { user: name }), 404, 'user_not_found');
    }
  });

  it('include those set by a user who is not an admin, also for their own account', async () => {
    const own = { user: user.id, tier: 'developer', reason, accountLimitBytes: most };
    await expectSameRefusal(calls.limitAccount(user, own), 403, 'forbidden');
    await expectSameRefusal(calls.findAccount(user, { user: user.id }), 403, 'forbidden');
    expect(limitsOf((await askBy.rpc(calls.account(user))).data)).toMatchObject({ live: 25e9 });
  });
});

it("an account's limits are deleted with it, and the audit log records that", async () => {
  await askBy.rpc(set({ user: user.id, accountLimitBytes: 1 }));
  await sql`delete from auth.users where id = ${user.id}`;
  const [left] = await sql`
    select
      (select count(*)::int from proxy_private.proxy_account_limits where user_id = ${user.id}) as limits,
      (
        select jsonb_agg(a.changes -> 'limit_overrides' order by a.occurred_at, a.id)
        from proxy_private.proxy_key_audit as a
        where a.user_id = ${user.id} and a.action = 'account_limits_changed'
      ) as audit`;
  expect(left).toEqual({ limits: 0, audit: [{ account_limit_bytes: 1 }, {}] });
});
