import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { type Connection, connectAlone, untilBlocked } from '../support/connect-alone.ts';
import { SeededRandom } from '../support/gateway/seeded-random.ts';
import { connectGateway, connectOwner, newUser } from '../support/personas.ts';
import { seedKeys } from '../support/seeded-keys.ts';
import { endOf, findDrift, readRollups, recordUsage, usageEvent } from '../support/usage-events.ts';

const { gatewayDbUrl } = inject('stack');
const sql = connectOwner();
const gateway = connectGateway(1);
let ownerId: string;
/** Every key that a test has used: their rollups are recounted after each test. */
const used: string[] = [];
let id: string;

beforeAll(async () => {
  ownerId = (await newUser()).id;
});
beforeEach(async () => {
  [id] = (await newKeys(1)) as [string];
});
afterEach(async () => {
  expect(await findDrift(sql, used)).toEqual([]);
  const drift = await sql`
    select d.* from unnest(array[now(), now() - interval '1 day']) as t,
      private.usage_drift(t::date) as d
    where d.api_key_id = any(${used})`;
  expect([...drift]).toEqual([]);
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

async function newKeys(count: number): Promise<string[]> {
  const keys = await seedKeys(sql, ownerId, count);
  used.push(...keys.map((key) => key.id));
  return keys.map((key) => key.id);
}

type Event = ReturnType<typeof usageEvent>;

/** A tunnel of the key, and what its reports say: each all that was moved so far. */
function newTunnel(fields: Record<string, unknown> = {}) {
  const first = usageEvent(id, fields);
  return (sent: number, received: number, durationMs: number, more: object = {}): Event => ({
    ...first,
    bytesSent: sent,
    bytesReceived: received,
    durationMs,
    ...more,
  });
}

async function readRows(apiKeyId = id) {
  const rows = await sql`
    select bytes_sent::float8 as sent, bytes_received::float8 as received, duration_ms as ms, count,
      status_code as status, code
    from private.proxy_usage_events where api_key_id = ${apiKeyId}
    order by occurred_at, event_id`;
  return [...rows];
}

/** What the rollups of the key say, which must be the same by hour and by month. */
async function readSums(apiKeyId = id) {
  const sums = [];
  for (const by of ['hour', 'month'] as const) {
    const sum = { requests: 0, sent: 0, received: 0 };
    for (const rollup of await readRollups(sql, apiKeyId, by)) {
      sum.requests += Number(rollup.requests);
      sum.sent += Number(rollup.bytesSent);
      sum.received += Number(rollup.bytesReceived);
    }
    sums.push(sum);
  }
  expect(sums[0]).toEqual(sums[1]);
  return sums[0];
}

async function readLastUse(): Promise<string | undefined> {
  const [row] = await sql<{ at: Date }[]>`
    select max(last_used_at) as at from private.proxy_usage_monthly where api_key_id = ${id}`;
  return row?.at?.toISOString();
}

const record = (...events: Event[]) => recordUsage(gateway, events);
const outcome = (recorded: number, repeated: number) => ({ recorded, repeated, rejected: [] });

describe('the reports of a tunnel', () => {
  it('raise one row, and the rollups and the last use by the difference', async () => {
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

  it('change nothing where they are late, or come again', async () => {
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

  it('are merged within a batch, whatever their order, beside other rows', async () => {
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

  it('raise several hours in one batch, of which the first alone is a request', async () => {
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
    const hourly = await readRollups(sql, id, 'hour');
    expect(hourly.map(({ requests }) => requests)).toEqual(['1', '0', '0']);
  });

  it('raise a row of last month, and no figure of this one', async () => {
    const lastMoment = new Date(new Date(new Date().toISOString().slice(0, 7)).getTime() - 1_000);
    const tunnel = newTunnel({ occurredAt: lastMoment.toISOString() });
    await record(tunnel(1, 0, 0));
    expect(await record(tunnel(30, 0, 10), newTunnel()(5, 0, 0))).toEqual(outcome(2, 0));
    const months = await readRollups(sql, id, 'month');
    expect(months.map(({ bytesSent }) => bytesSent)).toEqual(['30', '5']);
  });

  it('of one id are of other rows where they are of other keys, or began at other times', async () => {
    const [other] = (await newKeys(1)) as [string];
    const tunnel = newTunnel();
    const same = tunnel(1, 0, 0);
    const later = { ...same, occurredAt: new Date(Date.now() + 1_000).toISOString() };
    expect(await record(same, { ...same, apiKeyId: other }, later)).toEqual(outcome(3, 0));
    expect(await record(tunnel(9, 0, 1))).toEqual(outcome(1, 0));
    expect(await readSums()).toEqual({ requests: 2, sent: 10, received: 0 });
    expect(await readSums(other)).toEqual({ requests: 1, sent: 1, received: 0 });
  });

  it('say how it ended: the last one counts', async () => {
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

  it('are raised in one row, and are no request', async () => {
    const row = newTunnel();
    for (const count of [1, 60, 1_000]) {
      expect(await record(row(0, 0, 0, refused(count)))).toEqual(outcome(1, 0));
    }
    expect(await record(row(0, 0, 0, refused(60)))).toEqual(outcome(0, 1));
    const mixed = [5_000, 2, 400].map((count) => row(0, 0, 0, refused(count)));
    expect(await record(...mixed)).toEqual(outcome(1, 2));
    expect(await readRows()).toMatchObject([{ count: 5_000 }]);
    expect(await readRollups(sql, id, 'month')).toEqual([]);
  });

  it('that turn out to be none are one request, with what it moved', async () => {
    const row = newTunnel();
    await record(row(0, 0, 1, refused(7)));
    expect(await record(row(5, 6, 2))).toEqual(outcome(1, 0));
    expect(await readRows()).toMatchObject([{ count: 1, sent: 5, status: 200, code: null }]);
    expect(await readSums()).toEqual({ requests: 1, sent: 5, received: 6 });
  });

  it('of a request that had counted do not take it back', async () => {
    const [served, moved] = [newTunnel(), newTunnel()];
    await record(served(0, 0, 0), moved(5, 0, 0));
    for (const row of [served, moved]) {
      expect(await record(row(0, 0, 9_000, refused(7)))).toEqual(outcome(0, 1));
    }
    // one that says its bytes too is no refusal
    expect(await record(moved(5, 0, 9_000, refused(1)))).toEqual(outcome(1, 0));
    expect((await readRows()).map(({ count }) => count)).toEqual([1, 1]);
    expect(await readSums()).toEqual({ requests: 2, sent: 5, received: 0 });
  });
});

it('raising 10,000 rows takes about as long as making them', async () => {
  const keys = await newKeys(20);
  const rows = Array.from({ length: 10_000 }, (_, n) => usageEvent(keys[n % 20] as string));
  const timed = async (events: Event[]) => {
    const began = performance.now();
    expect(await record(...events)).toEqual(outcome(10_000, 0));
    return performance.now() - began;
  };
  const making = await timed(rows);
  const raising = await timed(rows.map((row) => ({ ...row, bytesSent: 101 })));
  // forty times as long where each row is compared with each
  expect(raising / making).toBeLessThan(8);
});

it('no report lowers a figure, whatever a stolen login says', async () => {
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

describe('two connections at once', () => {
  let one: Connection;
  let two: Connection;
  beforeEach(async () => {
    [one, two] = [await connectAlone(gatewayDbUrl), await connectAlone(gatewayDbUrl)];
  });

  /** The second records while the first has not committed, and waits for it. */
  async function recordBehind(
    first: Event[],
    second: Event[],
    end: 'commit' | 'rollback' = 'commit',
  ) {
    await one`begin`;
    const firstOutcome = await recordUsage(one, first);
    const waiting = recordUsage(two, second);
    await untilBlocked(sql, two.pid, [one.pid]);
    await one.unsafe(end);
    return [firstOutcome, await waiting];
  }

  it('count a batch once that is new to both', async () => {
    const batch = Array.from({ length: 50 }, () => newTunnel()(1, 2, 3));
    expect(await recordBehind(batch, batch)).toEqual([outcome(50, 0), outcome(0, 50)]);
    expect(await readSums()).toEqual({ requests: 50, sent: 50, received: 100 });
  });

  it('count rows once that both make, beside those that one makes or raises alone', async () => {
    const [known, both, ofOne, ofTwo] = [newTunnel(), newTunnel(), newTunnel(), newTunnel()];
    await record(known(1, 0, 1_000));
    expect(
      await recordBehind(
        [both(10, 0, 1_000), ofOne(1_000, 0, 1_000)],
        [both(30, 0, 3_000), known(2, 0, 2_000), ofTwo(500, 0, 1_000)],
      ),
    ).toEqual([outcome(2, 0), outcome(3, 0)]);
    expect(await readSums()).toEqual({ requests: 4, sent: 1_532, received: 0 });
  });

  it('raise a row that is new to both to the higher, whichever comes first', async () => {
    for (const [first, second] of [
      [10, 30],
      [30, 10],
    ] as const) {
      const tunnel = newTunnel();
      const before = await readSums();
      expect(await recordBehind([tunnel(first, 0, first)], [tunnel(second, 0, second)])).toEqual([
        outcome(1, 0),
        second > first ? outcome(1, 0) : outcome(0, 1),
      ]);
      expect((await readSums())?.sent).toBe((before?.sent ?? 0) + 30);
    }
  });

  it('raise a known row to the higher, whichever comes first', async () => {
    for (const [first, second] of [
      [10, 30],
      [30, 10],
    ] as const) {
      const tunnel = newTunnel();
      const before = await readSums();
      await record(tunnel(1, 0, 1));
      expect(await recordBehind([tunnel(first, 0, first)], [tunnel(second, 0, second)])).toEqual([
        outcome(1, 0),
        second > first ? outcome(1, 0) : outcome(0, 1),
      ]);
      expect((await readSums())?.sent).toBe((before?.sent ?? 0) + 30);
    }
  });

  it('count what one takes back as new to the other', async () => {
    const tunnel = newTunnel();
    const made = await recordBehind([tunnel(30, 0, 30)], [tunnel(10, 0, 10)], 'rollback');
    expect(made[1]).toEqual(outcome(1, 0));
    const raised = await recordBehind([tunnel(90, 0, 90)], [tunnel(40, 0, 40)], 'rollback');
    expect(raised[1]).toEqual(outcome(1, 0));
    expect(await readSums()).toEqual({ requests: 1, sent: 40, received: 0 });
  });
});

it('batches that overlap at random, over several connections, count each row once, and do not deadlock', async () => {
  const random = new SeededRandom(99);
  const connections = await Promise.all(
    Array.from({ length: 4 }, () => connectAlone(gatewayDbUrl)),
  );
  const keys = await newKeys(3);
  const last = new Map<string, Event>();
  for (let round = 0; round < 60; round += 1) {
    const reports = Array.from({ length: 12 }, () => {
      const first = usageEvent(random.pick(keys));
      const steps = Array.from({ length: random.integer(1, 6) }, (_, n) => ({
        ...first,
        bytesSent: 100 * n,
        bytesReceived: n,
        durationMs: 10 * n,
      }));
      last.set(first.eventId, steps.at(-1) ?? first);
      return steps;
    });
    // each report is on one connection at least, most on several
    const batches = connections.map((): Event[] => []);
    for (const report of reports.flat()) {
      const on = batches.filter(() => random.integer(0, 9) < 6);
      for (const batch of on.length > 0 ? on : batches) batch.push(report);
    }
    await Promise.all(
      batches.map(async (batch, n) => {
        const shuffled = random.shuffled(batch);
        const middle = random.integer(0, shuffled.length);
        for (const part of [shuffled.slice(0, middle), shuffled, shuffled.slice(middle)]) {
          const { recorded, repeated, rejected } = await recordUsage(
            connections[n] as Connection,
            part,
          );
          expect([recorded + repeated, rejected]).toEqual([part.length, []]);
        }
      }),
    );
    expect(await findDrift(sql, keys)).toEqual([]);
  }
  const expected = [...last.values()].map(({ eventId, bytesSent, bytesReceived, durationMs }) => ({
    eventId,
    bytesSent,
    bytesReceived,
    durationMs,
  }));
  const rows = await sql`
    select event_id as "eventId", bytes_sent::float8 as "bytesSent",
      bytes_received::float8 as "bytesReceived", duration_ms as "durationMs"
    from private.proxy_usage_events where api_key_id = any(${keys})`;
  const byId = (one: { eventId?: string }, other: { eventId?: string }) =>
    String(one.eventId) < String(other.eventId) ? -1 : 1;
  expect([...rows].toSorted(byId)).toEqual(expected.toSorted(byId));
});
