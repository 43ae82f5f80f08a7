import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AnnouncedChanges, listenForChanges } from '../support/announced-changes.ts';
import { connectGateway, connectOwner, newUser } from '../support/personas.ts';
import {
  overrideAccountLimits,
  type SeededKey,
  type SeedOptions,
  seedKeys,
} from '../support/seeded-keys.ts';
import { recordUsage, usageEvent } from '../support/usage-events.ts';

const sql = connectOwner();
const gateway = connectGateway(4);
let announced: AnnouncedChanges;
let userId: string;
let keys: SeededKey[];

beforeAll(async () => {
  announced = await listenForChanges(gateway);
});
/** An account whose live keys share 1,000 bytes, and whose test keys share 100. */
beforeEach(async () => {
  userId = (await newUser()).id;
  await overrideAccountLimits(
    sql,
    { userId },
    { account_limit_bytes: 1_000, test_limit_bytes: 100 },
  );
  keys = await newKeys(3);
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const newKeys = (count: number, options: SeedOptions = {}) => seedKeys(sql, userId, count, options);

const use = async (key: SeededKey | undefined, bytes: number) => {
  const event = usageEvent(key?.id ?? '', { bytesSent: bytes, bytesReceived: 0 });
  expect(await recordUsage(gateway, [event])).toMatchObject({ recorded: 1 });
};

/** How many times each key has been announced so far. */
async function timesAnnounced(of = keys): Promise<number[]> {
  const times = [];
  for (const { keyId } of of) times.push(await announced.countOf(keyId));
  return times;
}

it('when the keys of an account together reach its limit, the gateways are notified once for each key', async () => {
  await use(keys[0], 500);
  await use(keys[1], 499);
  expect(await timesAnnounced()).toEqual([0, 0, 0]);
  await use(keys[0], 1);
  expect(await timesAnnounced()).toEqual([1, 1, 1]);
  await use(keys[2], 5_000);
  expect(await timesAnnounced()).toEqual([1, 1, 1]);
});

it('usage of deleted keys counts, but they are not announced, nor are keys of another tier or mode', async () => {
  const [deleted] = await newKeys(1, { deleted: true });
  const others = [
    ...(await newKeys(1, { tier: 'team' })),
    ...(await newKeys(1, { liveMode: false })),
    ...(await seedKeys(sql, (await newUser()).id, 1)),
  ];
  await use(deleted, 999);
  for (const other of others) await use(other, 90);
  expect(await timesAnnounced()).toEqual([0, 0, 0]);
  await use(keys[1], 1);
  expect(await timesAnnounced()).toEqual([1, 1, 1]);
  expect(await timesAnnounced([deleted as SeededKey, ...others])).toEqual([0, 0, 0, 0]);
});

it('test keys share a separate limit', async () => {
  const tests = await newKeys(2, { liveMode: false });
  await use(tests[0], 60);
  await use(keys[0], 900);
  expect(await timesAnnounced(tests)).toEqual([0, 0]);
  await use(tests[1], 40);
  expect(await timesAnnounced(tests)).toEqual([1, 1]);
  expect(await timesAnnounced()).toEqual([0, 0, 0]);
});

it('the gateways are notified once when batches of all keys cross the limit at once', async () => {
  await Promise.all(Array.from({ length: 12 }, (_, n) => use(keys[n % 3], 100)));
  expect(await timesAnnounced()).toEqual([1, 1, 1]);
});

it("usage of last month does not count towards this month's limit", async () => {
  const lastMoment = new Date(Date.parse(new Date().toISOString().slice(0, 7)) - 1_000);
  const event = usageEvent(keys[0]?.id ?? '', {
    occurredAt: lastMoment.toISOString(),
    bytesSent: 5_000,
  });
  await recordUsage(gateway, [event]);
  await use(keys[0], 999);
  expect(await timesAnnounced()).toEqual([0, 0, 0]);
});

it('when one batch has many accounts, only the keys of accounts that cross their limit are announced', async () => {
  const rich = await newKeys(1, { tier: 'team', liveMode: false });
  const events = [...keys, ...rich].map(({ id }, n) =>
    usageEvent(id, { bytesSent: n === 3 ? 999_999_999 : 100, bytesReceived: 0, durationMs: 1_000 }),
  );
  await recordUsage(gateway, events);
  expect(await timesAnnounced([...keys, ...rich])).toEqual([0, 0, 0, 0]);
  await use(rich[0], 1);
  expect(await timesAnnounced([...keys, ...rich])).toEqual([0, 0, 0, 1]);
});

describe('every undeleted key of the account is announced after a change of', () => {
  // another test file may count the announcements of keys in the tiers that all share
  const tier = `tier_${randomUUID().slice(0, 8)}`;
  beforeAll(
    () => sql`
      insert into public.proxy_tiers
      select (jsonb_populate_record(t, jsonb_build_object('tier', ${tier}::text))).*
      from public.proxy_tiers as t where t.tier = 'developer'`,
  );
  const update = (limits: object) => overrideAccountLimits(sql, { userId, tier }, limits);
  beforeEach(async () => {
    await sql`update proxy_private.proxy_keys set tier = ${tier} where user_id = ${userId}`;
    await update({ account_limit_bytes: 1_000 });
  });
  afterAll(async () => {
    await sql`update proxy_private.proxy_keys set tier = 'developer' where tier = ${tier}`;
    await sql`delete from proxy_private.proxy_account_limits where tier = ${tier}`;
    await sql`delete from public.proxy_tiers where tier = ${tier}`;
  });

  it.each([
    ['an override', () => update({ account_limit_bytes: 5 })],
    [
      'a removed override',
      () => sql`delete from proxy_private.proxy_account_limits where user_id = ${userId}`,
    ],
    [
      'the account limit of the tier',
      () => sql`
        update public.proxy_tiers set account_limit_bytes = account_limit_bytes
        where tier = ${tier}`,
    ],
    [
      'the limit of test keys of the tier',
      () => sql`
        update public.proxy_tiers set test_limit_bytes = test_limit_bytes
        where tier = ${tier}`,
    ],
  ])('%s', async (_, change) => {
    const before = await timesAnnounced();
    const [deleted] = await newKeys(1, { tier, deleted: true });
    const [other] = await newKeys(1, { tier: 'team' });
    await change();
    expect(await timesAnnounced()).toEqual(before.map((times) => times + 1));
    expect(await timesAnnounced([deleted, other] as SeededKey[])).toEqual([0, 0]);
  });
});
