import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectProblem } from '../../support/contract.ts';
import { readEvents } from '../../support/event-scenes.ts';
import { mintAgedKey } from '../../support/key-scenes.ts';
import { connectGateway, connectOwner, newUser, type Persona } from '../../support/personas.ts';
import { seedKey } from '../../support/seeded-keys.ts';
import {
  beginOf,
  dayMs,
  hourMs,
  insertUsage,
  period,
  readMonth,
  readSeries,
  report,
  type SeriesQuery,
  sumUp,
  type UsageSeries,
} from '../../support/usage-scenes.ts';

const sql = connectOwner();
const gateway = connectGateway();
let user: Persona;
let one: string;
let two: { id: string; keyId: string };

beforeAll(async () => {
  user = await newUser();
  one = (await mintAgedKey(sql, user)).id;
  two = await mintAgedKey(sql, user);
});

afterAll(() => Promise.all([sql.end(), gateway.end()]));

const nothing = sumUp([]);
const later = (moment: number, ms: number) => new Date(moment + ms).toISOString();

/** Checks that the intervals are whole, each starting at the end of the previous one. */
function expectWhole(series: UsageSeries, step: number, count: number): void {
  const first = Date.parse(series.from);
  expect(series.points.map(({ start }) => start)).toEqual(
    Array.from({ length: count }, (_, n) => later(first, n * step)),
  );
  expect(series.to).toBe(later(first, count * step));
}

describe('a user who reads usage over time', () => {
  it.each([
    ['hour', hourMs, 24],
    ['day', dayMs, 30],
  ] as const)(
    'gets intervals by %s by default, up to the current one',
    async (interval, step, count) => {
      const before = Date.now();
      const series = await readSeries(user, { interval });
      expectWhole(series, step, count);
      expect(series.interval).toBe(interval);
      expect(Date.parse(series.to) % step).toBe(0);
      expect(Date.parse(series.to)).toBeGreaterThanOrEqual(before);
      expect(Date.parse(series.to) - step).toBeLessThanOrEqual(Date.now());
    },
  );

  it.each<[string, string, string, string, string, number]>([
    ['hour', '04:00:00Z', '06:00:00Z', '04:00', '06:00', 2],
    ['hour', '04:59:59.999999Z', '06:00:00.000001Z', '04:00', '07:00', 3],
    ['hour', '04:30:00Z', '04:30:00.000001Z', '04:00', '05:00', 1],
    ['hour', '09:45:00+05:30', '10:15:00+05:45', '04:00', '05:00', 1],
    ['hour', '00:00:00-04:30', '00:00:00-06:00', '04:00', '06:00', 2],
  ])(
    'gets whole intervals: by %s from %s to %s',
    async (interval, from, to, first, last, count) => {
      const series = await readSeries(user, {
        interval: interval as 'hour',
        from: `2026-03-29T${from}`,
        to: `2026-03-29T${to}`,
      });
      expectWhole(series, hourMs, count);
      expect(series).toMatchObject({
        from: `2026-03-29T${first}:00.000Z`,
        to: `2026-03-29T${last}:00.000Z`,
      });
    },
  );

  it('gets whole UTC days, including the leap day', async () => {
    await insertUsage(sql, one, new Date('2024-02-29T23:59:59.999Z'), {
      requests: 3,
      bytesSent: 4,
      bytesReceived: 5,
    });
    const series = await readSeries(user, {
      interval: 'day',
      from: '2024-02-28T23:59:59Z',
      to: '2024-03-01T00:00:00.000001Z',
    });
    expect(series).toEqual({
      interval: 'day',
      from: '2024-02-28T00:00:00.000Z',
      to: '2024-03-02T00:00:00.000Z',
      points: [
        { start: '2024-02-28T00:00:00.000Z', ...nothing, billedBytes: 0 },
        {
          start: '2024-02-29T00:00:00.000Z',
          requests: 3,
          bytesSent: 4,
          bytesReceived: 5,
          billedBytes: 9,
        },
        { start: '2024-03-01T00:00:00.000Z', ...nothing, billedBytes: 0 },
      ],
    });
    const query = { interval: 'day', from: '2023-02-28T00:00:00Z', to: '2023-03-02T00:00:00Z' };
    expectWhole(await readSeries(user, query as SeriesQuery), dayMs, 2);
  });

  it('gets each event in its hour, with zeros between, for all keys or one', async () => {
    const hour = Math.floor(Date.now() / hourMs) * hourMs - 10 * hourMs;
    const use = (ms: number, bytesSent: number) => ({
      occurredAt: later(hour, ms),
      bytesSent,
      bytesReceived: 1,
    });
    await report(gateway, one, [use(0, 1), use(hourMs - 1, 20), use(3 * hourMs, 300)]);
    await report(gateway, two.id, [use(0, 4_000), use(hourMs, 50_000)]);
    const read = async (keyId?: string) => {
      const span = { from: later(hour, 0), to: later(hour, 4 * hourMs) };
      const query: SeriesQuery = { interval: 'hour', ...span, ...(keyId ? { keyId } : {}) };
      return (await readSeries(user, query)).points.map(({ bytesSent }) => bytesSent);
    };
    expect(await read()).toEqual([4_021, 50_000, 0, 300]);
    expect(await read(one)).toEqual([21, 0, 0, 300]);
    expect(await read(two.id)).toEqual([4_000, 50_000, 0, 0]);
    expect(await read(two.keyId)).toEqual([4_000, 50_000, 0, 0]);
    await user.api.DELETE('/api/v1/proxy/keys/{id}', { params: { path: { id: two.id } } });
    expect(await read()).toEqual([4_021, 50_000, 0, 300]);
    expect(await read(two.keyId)).toEqual([4_000, 50_000, 0, 0]);
  });

  it('gets the usage of live keys billed, and that of test keys not', async () => {
    const owner = await newUser();
    const [live, test] = [
      await seedKey(sql, owner.id),
      await seedKey(sql, owner.id, { liveMode: false }),
    ];
    await report(gateway, live.id, [{ bytesSent: 1, bytesReceived: 2 }]);
    await report(gateway, test.id, [{ bytesSent: 10, bytesReceived: 20 }]);
    const read = async (keyId?: string) => {
      const query: SeriesQuery = { interval: 'day', ...(keyId ? { keyId } : {}) };
      const { points } = await readSeries(owner, query);
      return {
        ...sumUp(points),
        billed: points.reduce((sum, point) => sum + point.billedBytes, 0),
      };
    };
    const usage = (requests: number, bytesSent: number, billed: number) => ({
      requests,
      bytesSent,
      bytesReceived: 2 * bytesSent,
      billed,
    });
    expect(await read()).toEqual(usage(2, 11, 3));
    expect(await read(live.keyId)).toEqual(usage(1, 1, 3));
    expect(await read(test.keyId)).toEqual(usage(1, 10, 0));
    expect((await readEvents(owner, test.id)).events).toMatchObject([{ billed: false }]);
  });

  it('gets points that add up to the month, by hour and by day', async () => {
    const owner = await newUser();
    const keys = [await mintAgedKey(sql, owner), await mintAgedKey(sql, owner)];
    const [begin, end] = [beginOf(period(-1)).getTime(), beginOf(period(0)).getTime()];
    for (const { id } of keys) {
      const times = Array.from({ length: 200 }, (_, n) => begin + (n * (end - begin - 1)) / 199);
      await report(
        gateway,
        id,
        [begin - 1, ...times, end].map((time, n) => ({
          occurredAt: later(time, 0),
          bytesSent: n * 1_000,
          bytesReceived: 2 ** 33,
          count: n % 4 === 1 ? 0 : 1,
        })),
      );
    }
    const span = { from: later(begin, 0), to: later(end, 0) };
    const total = await readMonth(owner, period(-1));
    for (const interval of ['hour', 'day'] as const) {
      const sum = sumUp((await readSeries(owner, { interval, ...span })).points);
      expect({
        totalBandwidthBytes: sum.bytesSent + sum.bytesReceived,
        totalRequests: sum.requests,
      }).toEqual({
        totalBandwidthBytes: total.totalBandwidthBytes,
        totalRequests: total.totalRequests,
      });
    }
    expect(total.totalRequests).toBe(2 * 150);
  });

  it.each([
    ['hour', hourMs],
    ['day', dayMs],
  ] as const)('gets up to 1,000 intervals by %s, but not 1,001', async (interval, step) => {
    const to = Date.parse('2026-01-01T00:00:00Z');
    const span = { interval, to: later(to, 0) };
    const series = await readSeries(user, { ...span, from: later(to, -1_000 * step) });
    expectWhole(series, step, 1_000);
    for (const ms of [-1_001 * step, -1_000 * step - 1]) {
      const query = new URLSearchParams({ ...span, from: later(to, ms) });
      const response = await user.request('GET', `/api/v1/proxy/usage/series?${query}`);
      const { errors } = await expectProblem(response, 400, 'invalid_request');
      expect(errors?.map(({ path }) => path)).toEqual(['from']);
    }
  });
});

describe('a user who sends an invalid query', () => {
  it.each([
    ['no interval', '', 'interval'],
    ['a repeated interval', 'interval=day&interval=day', 'interval'],
    ['an unknown parameter', 'interval=day&period=2026-01', 'period'],
    ['the SQL name of a parameter', 'interval=day&key_id=x', 'key_id'],
    ['a time whose plus sign is not encoded', 'interval=day&to=2026-01-01T00:00:00+00:00', 'to'],
  ])("gets the parameter's name: %s", async (_, query, name) => {
    const response = await user.request('GET', `/api/v1/proxy/usage/series?${query}`);
    const { errors } = await expectProblem(response, 400, 'invalid_request');
    expect(errors?.map(({ path }) => path)).toEqual([name]);
  });
});
