import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../support/gateway/seeded-random.ts';
import { endOf, readRollups, usageEvent } from '../support/usage-events.ts';
import { type Event, outcome, raisingScene } from './raising-scene.ts';

const scene = raisingScene();
const { sql, newKeys, newTunnel, readRows, readSums, readLastUse, record } = scene;

describe('the reports of a tunnel', () => {
  it('raise one row, its rollups and its last use by the difference', async () => {
    const tunnel = newTunnel();
    const reports = [
      tunnel(0, 0, 0),
      tunnel(10, 0, 5_000),
      tunnel(10, 7_000, 10_000),
      tunnel(60, 7_001, 15_000),
    ];
    for (const [n, report] of reports.entries()) {
      expect(await record(report)).toEqual(outcome(1, 0));
      expect(await readRows()).toMatchObject([{ sent: report.bytesSent, ms: 5_000 * n, count: 1 }]);
      expect(await readSums()).toEqual({
        requests: 1,
        sent: report.bytesSent,
        received: report.bytesReceived,
      });
      expect(await readLastUse()).toBe(endOf(report));
    }
  });

  it('change nothing if they are late or repeated', async () => {
    const tunnel = newTunnel();
    const [early, late] = [tunnel(10, 100, 5_000), tunnel(30, 300, 15_000)];
    await record(late);
    for (const report of [early, late, tunnel(0, 0, 0), tunnel(30, 299, 14_999)]) {
      expect(await record(report)).toEqual(outcome(0, 1));
    }
    expect(await record(early, late, early)).toEqual(outcome(0, 3));
    expect(await readRows()).toMatchObject([{ sent: 30, received: 300, ms: 15_000 }]);
    expect(await readSums()).toEqual({ requests: 1, sent: 30, received: 300 });
    expect(await readLastUse()).toBe(endOf(late));
  });

  it('are merged within a batch, in any order and among other rows', async () => {
    const [tunnel, other] = [newTunnel(), newTunnel()];
    const known = newTunnel();
    await record(known(5, 5, 1_000));
    const reports = [
      ...[1, 2, 3, 4].map((n) => tunnel(n, 10 * n, 1_000 * n)),
      ...[1, 2].map((n) => other(100 * n, 0, 1_000)),
      ...[1, 2, 3].map((n) => known(3 * n, 5, 1_000 * n)),
    ];
    const random = new SeededRandom(17);
    expect(await record(...random.shuffled(reports))).toEqual(outcome(3, 6));
    for (let round = 0; round < 60; round += 1) {
      expect(await record(...random.shuffled(reports))).toEqual(outcome(0, 9));
    }
    expect((await readRows()).map(({ sent }) => sent).toSorted((a, b) => a - b)).toEqual([
      4, 9, 200,
    ]);
    expect(await readSums()).toEqual({ requests: 3, sent: 213, received: 45 });
  });

  it('raise several hours in one batch, of which only the first counts as a request', async () => {
    const eventId = randomUUID();
    const began = Date.now() - 3 * 3_600_000;
    const hours = [0, 1, 2].map((n) =>
      newTunnel({
        eventId,
        occurredAt: new Date(began + n * 3_600_000).toISOString(),
        count: n === 0 ? 1 : 0,
      }),
    );
    const reports = (n: number) => hours.map((hour) => hour(n, 0, n));
    expect(await record(...reports(1))).toEqual(outcome(3, 0));
    expect(await record(...reports(20))).toEqual(outcome(3, 0));
    expect(await record(...reports(3), ...reports(400))).toEqual(outcome(3, 3));
    expect(await readRows()).toMatchObject([
      { sent: 400, count: 1 },
      { sent: 400, count: 0 },
      { sent: 400, count: 0 },
    ]);
    expect(await readSums()).toEqual({ requests: 1, sent: 1_200, received: 0 });
    const hourly = await readRollups(sql, scene.id, 'hour');
    expect(hourly.map(({ requests }) => requests)).toEqual(['1', '0', '0']);
  });

  it('raise a row of last month without changing this month', async () => {
    const lastMoment = new Date(new Date(new Date().toISOString().slice(0, 7)).getTime() - 1_000);
    const tunnel = newTunnel({ occurredAt: lastMoment.toISOString() });
    await record(tunnel(1, 0, 0));
    expect(await record(tunnel(30, 0, 10), newTunnel()(5, 0, 0))).toEqual(outcome(2, 0));
    const months = await readRollups(sql, scene.id, 'month');
    expect(months.map(({ bytesSent }) => bytesSent)).toEqual(['30', '5']);
  });

  it('with the same id but another key or start time raise separate rows', async () => {
    const [other] = (await newKeys(1)) as [string];
    const tunnel = newTunnel();
    const same = tunnel(1, 0, 0);
    const later = { ...same, occurredAt: new Date(Date.now() + 1_000).toISOString() };
    expect(await record(same, { ...same, apiKeyId: other }, later)).toEqual(outcome(3, 0));
    expect(await record(tunnel(9, 0, 1))).toEqual(outcome(1, 0));
    expect(await readSums()).toEqual({ requests: 2, sent: 10, received: 0 });
    expect(await readSums(other)).toEqual({ requests: 1, sent: 1, received: 0 });
  });

  it('set how it ended: the last report counts', async () => {
    const tunnel = newTunnel();
    const ended = (statusCode: number, code: string | null) => ({ statusCode, code });
    await record(tunnel(9, 0, 5_000, ended(499, 'client_closed_request')));
    await record(tunnel(9, 0, 9_000, ended(504, 'target_timeout')));
    expect(await record(tunnel(9, 0, 8_000, ended(200, null)))).toEqual(outcome(0, 1));
    expect(await readRows()).toMatchObject([{ status: 504, code: 'target_timeout' }]);
    await record(tunnel(9, 1, 9_001, ended(200, null)));
    expect(await readRows()).toMatchObject([{ status: 200, code: null }]);
    await record(tunnel(9, 1, 9_002, ended(502, 'target_response_invalid')));
    expect(await readRows()).toMatchObject([{ status: 502, code: 'target_response_invalid' }]);
    expect(await readSums()).toEqual({ requests: 1, sent: 9, received: 1 });
  });
});

describe('refusals of one kind', () => {
  const refused = (count: number, fields: object = {}) => ({
    statusCode: 429,
    code: 'rate_limited',
    count,
    ...fields,
  });

  it('are counted in one row, and are not requests', async () => {
    const row = newTunnel();
    for (const count of [1, 60, 1_000]) {
      expect(await record(row(0, 0, 0, refused(count)))).toEqual(outcome(1, 0));
    }
    expect(await record(row(0, 0, 0, refused(60)))).toEqual(outcome(0, 1));
    const mixed = [5_000, 2, 400].map((count) => row(0, 0, 0, refused(count)));
    expect(await record(...mixed)).toEqual(outcome(1, 2));
    expect(await readRows()).toMatchObject([{ count: 5_000 }]);
    expect(await readRollups(sql, scene.id, 'month')).toEqual([]);
  });

  it('that turn out not to be refusals count as one request, with its bytes', async () => {
    const row = newTunnel();
    await record(row(0, 0, 1, refused(7)));
    expect(await record(row(5, 6, 2))).toEqual(outcome(1, 0));
    expect(await readRows()).toMatchObject([{ count: 1, sent: 5, status: 200, code: null }]);
    expect(await readSums()).toEqual({ requests: 1, sent: 5, received: 6 });
  });

  it('for a request that has already counted do not uncount it', async () => {
    const [served, moved] = [newTunnel(), newTunnel()];
    await record(served(0, 0, 0), moved(5, 0, 0));
    for (const row of [served, moved]) {
      expect(await record(row(0, 0, 9_000, refused(7)))).toEqual(outcome(0, 1));
    }
    // a report with bytes is not a refusal
    expect(await record(moved(5, 0, 9_000, refused(1)))).toEqual(outcome(1, 0));
    expect((await readRows()).map(({ count }) => count)).toEqual([1, 1]);
    expect(await readSums()).toEqual({ requests: 2, sent: 5, received: 0 });
  });
});

it('raising 10,000 rows takes about as long as inserting them', async () => {
  const keys = await newKeys(20);
  const rows = Array.from({ length: 10_000 }, (_, n) => usageEvent(keys[n % 20] as string));
  const timed = async (events: Event[]) => {
    const began = performance.now();
    expect(await record(...events)).toEqual(outcome(10_000, 0));
    return performance.now() - began;
  };
  const making = await timed(rows);
  const raising = await timed(rows.map((row) => ({ ...row, bytesSent: 101 })));
  // it would take forty times as long if each row were compared with every other
  expect(raising / making).toBeLessThan(8);
});

it('no report lowers a figure, whatever a stolen login sends', async () => {
  const random = new SeededRandom(5);
  const tunnel = newTunnel();
  await record(tunnel(100, 1_000, 5_000));
  let before = { ...(await readSums()), ms: 0 };
  for (let n = 0; n < 200; n += 1) {
    const code = random.pick([null, 'rate_limited', 'target_timeout', 'quota_exceeded']);
    const bytes = random.pick([0, 0, random.integer(0, 2_000)]);
    const count = code !== null && bytes === 0 ? random.integer(0, 9) : random.integer(0, 1);
    await record(
      tunnel(bytes, random.pick([0, bytes]), random.integer(0, 20_000), {
        code,
        count: code === 'target_timeout' ? 1 : count,
        statusCode: random.integer(100, 999),
      }),
    );
    const sums = await readSums();
    const [row] = await readRows();
    const after = { requests: 0, sent: 0, received: 0, ...sums, ms: Number(row?.ms) };
    for (const name of ['requests', 'sent', 'received', 'ms'] as const) {
      expect(after[name]).toBeGreaterThanOrEqual(before[name] ?? 0);
    }
    before = after;
  }
  expect(await readRows()).toHaveLength(1);
});
