import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectGateway, connectOwner, newUser } from '../support/personas.ts';
import { type SeededKey, seedKeys } from '../support/seeded-keys.ts';
import {
  findDrift,
  mostBytes,
  readRollups,
  recordUsage,
  usageEvent,
} from '../support/usage-events.ts';

const sql = connectOwner();
const gateway = connectGateway(3);
let ownerId: string;
/** Every key that a test has used: their rollups are recounted after each test. */
const used: string[] = [];

beforeAll(async () => {
  ownerId = (await newUser()).id;
});
afterEach(async () => {
  expect(used.length).toBeGreaterThan(0);
  expect(await findDrift(sql, used)).toEqual([]);
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

async function newKeys(count: number): Promise<SeededKey[]> {
  const keys = await seedKeys(sql, ownerId, count);
  used.push(...keys.map(({ id }) => id));
  return keys;
}

async function newKey(): Promise<SeededKey> {
  const [key] = await newKeys(1);
  if (!key) throw new Error('no key was seeded');
  return key;
}

async function countEvents(apiKeyIds: string[]): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::integer from proxy_private.proxy_usage_events where api_key_id = any(${apiKeyIds})`;
  return row?.count ?? 0;
}

describe('a batch that is sent again', () => {
  it('counts once when it is sent 5 times over 3 connections at once', async () => {
    const key = await newKey();
    const batch = Array.from({ length: 200 }, () => usageEvent(key.id));
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, () => recordUsage(gateway, batch)),
    );
    const total = (of: 'recorded' | 'repeated') => outcomes.reduce((sum, o) => sum + o[of], 0);
    expect([total('recorded'), total('repeated')]).toEqual([200, 800]);
    expect(await countEvents([key.id])).toBe(200);
    expect(await readRollups(sql, key.id, 'month')).toMatchObject([
      { requests: '200', bytesSent: '20000', bytesReceived: '200000' },
    ]);
  });

  it('counts an event once if the batch contains it twice', async () => {
    const key = await newKey();
    const twice = usageEvent(key.id);
    const outcome = await recordUsage(gateway, [twice, usageEvent(key.id), twice, twice]);
    expect(outcome).toEqual({ recorded: 2, repeated: 2, rejected: [] });
    expect(await readRollups(sql, key.id, 'month')).toMatchObject([{ requests: '2' }]);
  });

  it('records its new events among known ones', async () => {
    const key = await newKey();
    const known = [usageEvent(key.id), usageEvent(key.id)];
    await recordUsage(gateway, known);
    const outcome = await recordUsage(gateway, [...known, usageEvent(key.id)]);
    expect(outcome).toEqual({ recorded: 1, repeated: 2, rejected: [] });
  });
});

describe('concurrent batches over several connections do not deadlock', () => {
  const connections = connectGateway(6);
  let keys: SeededKey[];

  beforeAll(async () => {
    keys = await newKeys(12);
    // all connections are open before the first batch, so that the batches start together
    await Promise.all(Array.from({ length: 6 }, () => connections`select 1`));
  });
  afterAll(() => connections.end());

  /** An event of every key in each of 20 hours, in this month and the one before. */
  const eventOfEveryHour = () =>
    Array.from({ length: 20 }, (_, hour) =>
      keys.map(({ id }) =>
        usageEvent(id, {
          occurredAt: new Date(
            Date.now() - (hour % 2 ? 32 * 24 : 0) * 3_600_000 - hour * 3_600_000,
          ).toISOString(),
        }),
      ),
    ).flat();

  it('if they hold the same events in different orders', async () => {
    const key = await newKey();
    for (let round = 1; round <= 5; round += 1) {
      // of one key, as a join with the keys could sort the events of several
      const events = Array.from({ length: 1000 }, () => usageEvent(key.id));
      const outcomes = await Promise.all(
        Array.from({ length: 6 }, (_, n) =>
          recordUsage(connections, n % 2 ? events : events.toReversed()),
        ),
      );
      expect(outcomes.reduce((sum, { recorded }) => sum + recorded, 0)).toBe(1000);
      expect(await countEvents([key.id])).toBe(round * 1000);
    }
  });

  it('if they hold different events of the same keys and hours', async () => {
    for (let round = 0; round < 5; round += 1) {
      const outcomes = await Promise.all(
        Array.from({ length: 6 }, (_, n) => {
          const events = eventOfEveryHour();
          return recordUsage(connections, n % 2 ? events : events.toReversed());
        }),
      );
      expect(outcomes.map(({ recorded }) => recorded)).toEqual(Array(6).fill(12 * 20));
    }
  });
});

describe('what is counted', () => {
  it('a long tunnel counts as a request only in its first hour, and its bytes in all hours', async () => {
    const key = await newKey();
    const eventId = randomUUID();
    const monthBegan = new Date(new Date().toISOString().slice(0, 7)).getTime();
    const began = Math.max(monthBegan, Date.now() - 4 * 3_600_000);
    // if the month has just started, hours of a few seconds
    const hour = Math.floor((Date.now() - began) / 4);
    const rows = [0, 1, 2, 3].map((n) =>
      usageEvent(key.id, {
        eventId,
        occurredAt: new Date(began + n * hour).toISOString(),
        count: n === 0 ? 1 : 0,
        bytesSent: 10 ** n,
      }),
    );
    expect(await recordUsage(gateway, rows)).toMatchObject({ recorded: 4 });
    expect(await readRollups(sql, key.id, 'month')).toMatchObject([
      { requests: '1', bytesSent: '1111', bytesReceived: '4000' },
    ]);
  });

  it('events of deleted and suspended keys count', async () => {
    const [deleted, suspended] = await newKeys(2);
    const ids = [deleted?.id ?? '', suspended?.id ?? ''];
    await sql`update proxy_private.proxy_keys set deleted_at = now() where id = ${ids[0] ?? ''}`;
    await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${ids[1] ?? ''}`;
    const outcome = await recordUsage(
      gateway,
      ids.map((id) => usageEvent(id)),
    );
    expect(outcome).toEqual({ recorded: 2, repeated: 0, rejected: [] });
    expect(await countEvents(ids)).toBe(2);
  });

  it('in a batch of 1,000 with one unknown key, all other events count', async () => {
    const key = await newKey();
    const stray = usageEvent(randomUUID());
    const batch = Array.from({ length: 1000 }, (_, n) => (n === 499 ? stray : usageEvent(key.id)));
    expect(await recordUsage(gateway, batch)).toEqual({
      recorded: 999,
      repeated: 0,
      rejected: [{ index: 499, eventId: stray.eventId, reason: 'unknown_key' }],
    });
    expect(await countEvents([key.id])).toBe(999);
  });

  it('counts are exact past 2^31 in an event and up to 2^53 - 1 in a sum, where they stop', async () => {
    const key = await newKey();
    const occurredAt = new Date().toISOString();
    const large = (bytesSent: number) =>
      usageEvent(key.id, {
        occurredAt,
        bytesSent,
        bytesReceived: 2 ** 31 + 1,
        durationMs: 100_000,
      });
    const expectUsed = async (sent: bigint, received: bigint) => {
      for (const by of ['hour', 'month'] as const) {
        const rollups = await readRollups(sql, key.id, by);
        expect(rollups.map((r) => [BigInt(r.bytesSent), BigInt(r.bytesReceived)])).toEqual([
          [sent, received],
        ]);
      }
      const [lookup] = await gateway`
        select bandwidth_used_bytes::text from gateway.lookup_proxy_key(${key.keyId})`;
      const used = sent + received;
      const most = BigInt(mostBytes);
      expect(BigInt(lookup?.bandwidth_used_bytes)).toBe(used < most ? used : most);
    };

    const batch = Array.from({ length: 8100 }, () => large(2 ** 40 - 1));
    expect(await recordUsage(gateway, batch)).toMatchObject({ recorded: 8100 });
    await expectUsed(8100n * (2n ** 40n - 1n), 8100n * (2n ** 31n + 1n));
    // up to the very last byte
    const rest = [
      ...Array.from({ length: 91 }, () => 2 ** 40),
      2 ** 40 + 8100 - 2 ** 14,
      2 ** 14 - 1,
    ];
    expect(await recordUsage(gateway, rest.map(large))).toMatchObject({ recorded: 93 });
    await expectUsed(2n ** 53n - 1n, 8193n * (2n ** 31n + 1n));
    // and no further, with one more event or one more batch
    for (const more of [[1], [2 ** 40, 2 ** 40]]) {
      expect(await recordUsage(gateway, more.map(large))).toMatchObject({ recorded: more.length });
    }
    await expectUsed(2n ** 53n - 1n, 8196n * (2n ** 31n + 1n));
  });

  it('a first batch that exceeds 2^53 - 1 counts exactly that much', async () => {
    const key = await newKey();
    const batch = Array.from({ length: 8193 }, () =>
      usageEvent(key.id, { bytesSent: 2 ** 40, durationMs: 100_000 }),
    );
    expect(await recordUsage(gateway, batch)).toMatchObject({ recorded: 8193 });
    expect(await readRollups(sql, key.id, 'month')).toMatchObject([
      { requests: '8193', bytesSent: String(mostBytes), bytesReceived: '8193000' },
    ]);
  });

  it('an empty batch counts nothing', async () => {
    const key = await newKey();
    expect(await recordUsage(gateway, [])).toEqual({ recorded: 0, repeated: 0, rejected: [] });
    expect(await countEvents([key.id])).toBe(0);
  });
});
