import { afterAll, beforeEach, expect, it } from 'vitest';
import { expectSameAnswer } from '../support/both-ways.ts';
import { calls } from '../support/calls.ts';
import { connectGateway, connectOwner, newUser, type Persona } from '../support/personas.ts';
import { overrideAccountLimits, seedKey, seedKeys } from '../support/seeded-keys.ts';
import { recordUsage, usageEvent } from '../support/usage-events.ts';
import { beginOf, insertUsage, period } from '../support/usage-scenes.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
let user: Persona;

beforeEach(async () => {
  user = await newUser();
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

/** The account, as both the route and the RPC return it. */
const readAccount = async () => (await expectSameAnswer(calls.account(user))).data;
const tiersOf = async () => (await readAccount())?.tiers as Record<string, unknown>[];

const quota = (limitBytes: number, usedBytes = 0, requests = 0) => ({
  usedBytes,
  limitBytes,
  leftBytes: Math.max(limitBytes - usedBytes, 0),
  requests,
});
/** A tier as shown in a new user's account. */
const tier = (name: string, limitBytes: number, testLimitBytes: number) => ({
  tier: name,
  ...quota(limitBytes),
  billed: true,
  keys: 0,
  keyLimit: 100,
  limitOverrides: {},
  test: { ...quota(testLimitBytes), billed: false },
});
const developer = tier('developer', 25e9, 100e6);
const team = tier('team', 500e9, 1e9);
const enterprise = tier('enterprise', 20e12, 1e9);

it("a new user's account shows the self-serve tiers, this month, and when it ends", async () => {
  expect(await readAccount()).toEqual({
    userId: user.id,
    period: period(0),
    resetsAt: beginOf(period(1)).toISOString(),
    tiers: [developer, team],
  });
});

it('an account shows the usage of live and test keys, including deleted ones, and the number of keys', async () => {
  const [live] = await seedKeys(sql, user.id, 3);
  const deleted = await seedKey(sql, user.id, { deleted: true });
  const test = await seedKey(sql, user.id, { liveMode: false });
  const old = { requests: 9, bytesSent: 9, bytesReceived: 9 };
  await insertUsage(sql, live?.id ?? '', new Date(beginOf(period(0)).getTime() - 1), old);
  await recordUsage(gateway, [
    usageEvent(live?.id ?? '', { bytesSent: 1, bytesReceived: 2 }),
    usageEvent(deleted.id, { bytesSent: 30, bytesReceived: 60 }),
    usageEvent(test.id, { bytesSent: 500, bytesReceived: 500 }),
  ]);
  expect(await tiersOf()).toEqual([
    {
      ...developer,
      ...quota(25e9, 93, 2),
      keys: 4,
      test: { ...quota(100e6, 1_000, 1), billed: false },
    },
    team,
  ]);
});

it('an account shows a tier that is granted, that has keys, or that was used this month', async () => {
  await sql`insert into proxy_private.proxy_tier_grants (user_id, tier) values (${user.id}, 'enterprise')`;
  expect(await tiersOf()).toEqual([developer, team, enterprise]);
  await sql`delete from proxy_private.proxy_tier_grants where user_id = ${user.id}`;
  expect(await tiersOf()).toEqual([developer, team]);
  const key = await seedKey(sql, user.id, { tier: 'enterprise', liveMode: false });
  expect(await tiersOf()).toEqual([developer, team, { ...enterprise, keys: 1 }]);
  await recordUsage(gateway, [usageEvent(key.id, { bytesSent: 1, bytesReceived: 0 })]);
  await sql`update proxy_private.proxy_keys set deleted_at = now() where id = ${key.id}`;
  expect(await tiersOf()).toEqual([
    developer,
    team,
    { ...enterprise, test: { ...quota(1e9, 1, 1), billed: false } },
  ]);
});

it('an account shows the limits that an admin has set, and nothing left once they are exceeded', async () => {
  await overrideAccountLimits(
    sql,
    { userId: user.id },
    { account_limit_bytes: 10, test_limit_bytes: 0 },
  );
  const key = await seedKey(sql, user.id);
  await recordUsage(gateway, [usageEvent(key.id, { bytesSent: 11, bytesReceived: 1 })]);
  expect(await tiersOf()).toEqual([
    {
      ...developer,
      ...quota(10, 12, 1),
      keys: 1,
      limitOverrides: { accountLimitBytes: 10, testLimitBytes: 0 },
      test: { ...quota(0), billed: false },
    },
    team,
  ]);
});
