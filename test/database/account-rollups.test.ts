import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeEach, expect, inject, it } from 'vitest';
import { connectAlone, untilBlocked } from '../support/connect-alone.ts';
import { SeededRandom } from '../support/gateway/seeded-random.ts';
import { connectGateway, connectOwner } from '../support/personas.ts';
import { type SeededKey, seedKey, seedKeys } from '../support/seeded-keys.ts';
import { findAccountDrift, mostBytes, recordUsage, usageEvent } from '../support/usage-events.ts';
import { monthFromNow } from '../support/usage-scenes.ts';

const { gatewayDbUrl } = inject('stack');
const sql = connectOwner();
const gateway = connectGateway(8);
const thisMonth = monthFromNow(0);
let userIds: string[] = [];
let userId: string;

beforeEach(async () => {
  userIds = [];
  userId = await newAccount();
});
afterEach(async () => {
  expect(await findAccountDrift(sql, userIds)).toEqual([]);
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

async function newAccount(): Promise<string> {
  const id = randomUUID();
  await sql`insert into auth.users (id, email) values (${id}, ${`${id}@example.com`})`;
  userIds.push(id);
  return id;
}

async function readMonths(id = userId) {
  const rows = await sql`
    select month::text, tier, live_mode as live, requests::float8 as requests,
      bytes_sent::float8 as sent, bytes_received::float8 as received
    from proxy_private.proxy_account_monthly where user_id = ${id}
    order by month, tier, live_mode`;
  return [...rows];
}

const record = (events: ReturnType<typeof usageEvent>[]) => recordUsage(gateway, events);

it("an account's month is the sum of its keys by tier and mode, including deleted keys", async () => {
  const [one, two, deleted, test, team] = (
    await Promise.all([
      seedKeys(sql, userId, 2),
      seedKeys(sql, userId, 1, { deleted: true }),
      seedKeys(sql, userId, 1, { liveMode: false }),
      seedKeys(sql, userId, 1, { tier: 'team' }),
    ])
  ).flat() as [SeededKey, SeededKey, SeededKey, SeededKey, SeededKey];
  const other = await seedKey(sql, await newAccount());
  const events = [one, two, two, deleted, test, team, other].map(({ id }, n) =>
    usageEvent(id, { bytesSent: 10 ** n, bytesReceived: 3 * 10 ** n }),
  );
  await record(events);
  expect(await record(events)).toMatchObject({ recorded: 0 });
  // a refusal is not a use of the key
  await record([
    usageEvent(one.id, { bytesSent: 0, bytesReceived: 0, statusCode: 429, code: 'rate_limited' }),
  ]);
  const row = { month: thisMonth, tier: 'developer', requests: 1 };
  expect(await readMonths()).toEqual([
    { ...row, live: false, sent: 10_000, received: 30_000 },
    { ...row, live: true, requests: 4, sent: 1_111, received: 3_333 },
    { ...row, tier: 'team', live: true, sent: 100_000, received: 300_000 },
  ]);
  expect(await readMonths(userIds[1])).toMatchObject([{ sent: 1_000_000 }]);
});

it('repeated reports of one tunnel raise the sums of the account by the difference', async () => {
  const { id } = await seedKey(sql, userId);
  const first = usageEvent(id, { bytesSent: 1, bytesReceived: 2 });
  for (const bytesSent of [1, 500, 40, 700]) {
    await record([{ ...first, bytesSent, durationMs: bytesSent }]);
  }
  expect(await readMonths()).toMatchObject([{ requests: 1, sent: 700, received: 2 }]);
});

it('with overlapping batches for many accounts over 8 connections, each account is the sum of its keys', async () => {
  const random = new SeededRandom(17);
  const keys: SeededKey[] = [];
  for (let n = 0; n < 20; n += 1) {
    const id = await newAccount();
    for (const liveMode of [true, false]) {
      for (const tier of ['developer', 'team']) {
        keys.push(...(await seedKeys(sql, id, 3, { liveMode, tier })));
      }
    }
  }
  const lastMonth = Date.parse(`${thisMonth}T00:00:00Z`) - 5_000;
  const events = Array.from({ length: 4_000 }, () =>
    usageEvent(random.pick(keys).id, {
      bytesSent: random.integer(0, 900),
      occurredAt: new Date(random.pick([lastMonth, Date.now() - 1_000])).toISOString(),
    }),
  );
  const batches = Array.from({ length: 40 }, (_, n) =>
    random.shuffled(events.slice(n * 100, n * 100 + 150)),
  );
  const outcomes = await Promise.all(batches.map(record));
  expect(outcomes.reduce((total, { recorded }) => total + recorded, 0)).toBe(events.length);
  const [sum] = await sql`
    select sum(bytes_sent)::float8 as sent, sum(requests)::float8 as requests
    from proxy_private.proxy_account_monthly where user_id = any(${userIds})`;
  const sent = events.reduce((total, event) => total + event.bytesSent, 0);
  expect(sum).toEqual({ sent, requests: events.length });
});

it('two batches for different keys of one account wait for each other, and both count', async () => {
  const [a, b] = (await seedKeys(sql, userId, 2)) as [SeededKey, SeededKey];
  const [one, two] = [await connectAlone(gatewayDbUrl), await connectAlone(gatewayDbUrl)];
  await one`begin`;
  await recordUsage(one, [usageEvent(a.id, { bytesSent: 5 })]);
  const waiting = recordUsage(two, [usageEvent(b.id, { bytesSent: 7 })]);
  await untilBlocked(sql, two.pid, [one.pid]);
  await one`commit`;
  await waiting;
  expect(await readMonths()).toMatchObject([{ requests: 2, sent: 12 }]);
});

it('a figure stops at the largest integer that JSON holds exactly', async () => {
  const [a, b] = (await seedKeys(sql, userId, 2)) as [SeededKey, SeededKey];
  await record([usageEvent(a.id)]);
  await sql`
    update proxy_private.proxy_usage_monthly set bytes_sent = ${mostBytes} where api_key_id = ${a.id}`;
  await sql`
    update proxy_private.proxy_usage_hourly set bytes_sent = ${mostBytes} where api_key_id = ${a.id}`;
  await sql`
    update proxy_private.proxy_account_monthly set bytes_sent = ${mostBytes - 1} where user_id = ${userId}`;
  await sql`
    update proxy_private.proxy_user_monthly set bytes = ${mostBytes - 1} where user_id = ${userId}`;
  await sql`
    update proxy_private.proxy_account_hourly set bytes_sent = ${mostBytes - 1} where user_id = ${userId}`;
  await record([usageEvent(a.id), usageEvent(a.id)]);
  expect(await readMonths()).toMatchObject([{ sent: mostBytes }]);
  await record([usageEvent(b.id, { bytesSent: 0 })]);
  expect(await readMonths()).toMatchObject([{ requests: 4, sent: mostBytes }]);
});

it('a removed account keeps its sums, and late reports for its keys do not change them', async () => {
  const key = await seedKey(sql, userId);
  await record([usageEvent(key.id)]);
  const before = await readMonths();
  await sql`delete from auth.users where id = ${userId}`;
  expect(await record([usageEvent(key.id)])).toMatchObject({ recorded: 1, rejected: [] });
  expect(await readMonths()).toEqual(before);
  const [all] = await sql`select count(*)::int as rows from proxy_private.proxy_account_monthly
    where user_id is null`;
  expect(all).toEqual({ rows: 0 });
  // its keys have no owner now
  userIds = [];
});
