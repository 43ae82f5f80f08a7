import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectGateway, connectOwner, newUser } from '../support/personas.ts';
import { overrideLimits, type SeededKey, seedKeys } from '../support/seeded-keys.ts';
import { mostBytes, recordUsage, usageEvent } from '../support/usage-events.ts';

const channel = 'proxy_key_changed';
const sql = connectOwner();
const gateway = connectGateway(4);
const tier = `tier_${randomUUID().slice(0, 8)}`;
const received: string[] = [];
const awaited = new Map<string, () => void>();
let ownerId: string;
let key: SeededKey;

beforeAll(async () => {
  ownerId = (await newUser()).id;
  await sql`
    insert into public.proxy_tiers (
      tier, bandwidth_limit_bytes, rate_limit, tunnel_limit, account_limit_bytes, test_limit_bytes,
      self_serve
    ) values (${tier}, 1000, 10, 100, ${mostBytes}, ${mostBytes}, true)`;
  await gateway.listen(channel, (payload) => {
    received.push(payload);
    awaited.get(payload)?.();
  });
});
beforeEach(async () => {
  [key] = (await newKeys(1)) as [SeededKey];
});
afterAll(async () => {
  await sql`update proxy_private.proxy_keys set tier = 'developer' where tier = ${tier}`;
  await sql`delete from public.proxy_tiers where tier = ${tier}`;
  await Promise.all([sql.end(), gateway.end()]);
});

const newKeys = (count: number) => seedKeys(sql, ownerId, count, { tier });

/** How many times the gateways were notified of the key; notifications arrive in commit order. */
async function timesAnnounced({ keyId }: SeededKey): Promise<number> {
  const sentinel = randomUUID();
  const arrival = new Promise<void>((resolve) => awaited.set(sentinel, resolve));
  await sql.notify(channel, sentinel);
  await arrival;
  return received.filter((payload) => payload === keyId).length;
}

/** An event of the key with that many bytes in total. */
const eventOf = ({ id }: SeededKey, bytes: number, fields: Record<string, unknown> = {}) => {
  const bytesSent = Math.floor(bytes / 3);
  return usageEvent(id, { bytesSent, bytesReceived: bytes - bytesSent, ...fields });
};

const record = async (events: ReturnType<typeof usageEvent>[]) =>
  expect(await recordUsage(gateway, events)).toMatchObject({ recorded: events.length });

it('the gateways are notified once of a key whose usage of this month reaches its limit', async () => {
  await record([eventOf(key, 999)]);
  expect(await timesAnnounced(key)).toBe(0);
  await record([eventOf(key, 1)]);
  expect(await timesAnnounced(key)).toBe(1);
  await record([eventOf(key, 5000)]);
  await record([eventOf(key, 0)]);
  expect(await timesAnnounced(key)).toBe(1);
});

it('the gateways are notified once of a first batch that exceeds the limit over several hours', async () => {
  const startOfMonth = new Date(new Date().toISOString().slice(0, 7)).getTime();
  const hours = [0, 1, 2].map((hour) =>
    new Date(Math.max(startOfMonth, Date.now() - hour * 3_600_000)).toISOString(),
  );
  await record(hours.map((occurredAt) => eventOf(key, 600, { occurredAt })));
  expect(await timesAnnounced(key)).toBe(1);
});

it('the gateways are notified once when batches over several connections cross the limit at once', async () => {
  await Promise.all(Array.from({ length: 12 }, () => record([eventOf(key, 100)])));
  expect(await timesAnnounced(key)).toBe(1);
});

it('a row that is raised past the limit is announced once', async () => {
  const first = eventOf(key, 600);
  const raised = (bytes: number) =>
    eventOf(key, bytes, { eventId: first.eventId, occurredAt: first.occurredAt });
  await record([first]);
  await record([raised(999)]);
  expect(await timesAnnounced(key)).toBe(0);
  await record([raised(1000)]);
  expect(await timesAnnounced(key)).toBe(1);
  await record([raised(5000)]);
  expect(await recordUsage(gateway, [first, raised(5000)])).toMatchObject({ recorded: 0 });
  expect(await timesAnnounced(key)).toBe(1);
});

it('the increases of several rows count together, without their earlier bytes', async () => {
  const [one, two] = [eventOf(key, 300), eventOf(key, 300)];
  const raised = (event: typeof one, bytes: number) =>
    eventOf(key, bytes, { eventId: event.eventId, occurredAt: event.occurredAt });
  await record([one, two]);
  await record([raised(one, 499), raised(two, 500)]);
  expect(await timesAnnounced(key)).toBe(0);
  await record([raised(one, 500), eventOf(key, 0)]);
  expect(await timesAnnounced(key)).toBe(1);
});

it('a repeated batch causes no notification', async () => {
  const batch = [eventOf(key, 999)];
  await record(batch);
  expect(await recordUsage(gateway, batch)).toMatchObject({ recorded: 0, repeated: 1 });
  expect(await timesAnnounced(key)).toBe(0);
});

it("usage of last month causes no notification and does not count towards this month's limit", async () => {
  const lastMonth = new Date(new Date().toISOString().slice(0, 7));
  lastMonth.setUTCMonth(lastMonth.getUTCMonth() - 1);
  const late = { occurredAt: lastMonth.toISOString() };
  await record([eventOf(key, 1200, late)]);
  await record([eventOf(key, 300, late), eventOf(key, 999)]);
  expect(await timesAnnounced(key)).toBe(0);
  await record([eventOf(key, 5000, late), eventOf(key, 1)]);
  expect(await timesAnnounced(key)).toBe(1);
});

describe('an override replaces the tier’s limit', () => {
  // the change of the override causes a notification too
  const override = async (bytes: number) => {
    await overrideLimits(sql, key.id, { bandwidth_limit_bytes: bytes });
    expect(await timesAnnounced(key)).toBe(1);
  };

  it('when it is lower', async () => {
    await override(500);
    await record([eventOf(key, 499)]);
    expect(await timesAnnounced(key)).toBe(1);
    await record([eventOf(key, 2)]);
    expect(await timesAnnounced(key)).toBe(2);
    await record([eventOf(key, 1000)]);
    expect(await timesAnnounced(key)).toBe(2);
  });

  it('when it is higher', async () => {
    await override(5000);
    await record([eventOf(key, 4999)]);
    expect(await timesAnnounced(key)).toBe(1);
    await record([eventOf(key, 1)]);
    expect(await timesAnnounced(key)).toBe(2);
  });
});

it('for a batch of many keys, the gateways are notified of exactly the keys that cross their limits', async () => {
  const keys = await newKeys(3000);
  const bytes = (place: number) => (place % 3 === 0 ? 1000 : 999);
  await record(keys.map((each, place) => eventOf(each, bytes(place))));
  await timesAnnounced(key);
  const among = keys.filter(({ keyId }) => received.includes(keyId));
  expect(among).toEqual(keys.filter((_, place) => place % 3 === 0));
  // all are at their limit now: each key is matched once, not compared with every other
  await record(keys.map((each) => eventOf(each, 1)));
  await timesAnnounced(key);
  expect(received.filter((keyId) => keys.some((each) => each.keyId === keyId))).toHaveLength(3000);
});
