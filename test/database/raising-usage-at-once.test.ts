import { beforeEach, describe, expect, inject, it } from 'vitest';
import { type Connection, connectAlone, untilBlocked } from '../support/connect-alone.ts';
import { SeededRandom } from '../support/gateway/seeded-random.ts';
import { findDrift, recordUsage, usageEvent } from '../support/usage-events.ts';
import { type Event, outcome, raisingScene } from './raising-scene.ts';

const { gatewayDbUrl } = inject('stack');
const { sql, newKeys, newTunnel, readSums, record } = raisingScene();

describe('two concurrent connections', () => {
  let one: Connection;
  let two: Connection;
  beforeEach(async () => {
    [one, two] = [await connectAlone(gatewayDbUrl), await connectAlone(gatewayDbUrl)];
  });

  /** The second records before the first has committed, and waits for it. */
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

  it('count a batch once if it is new to both', async () => {
    const batch = Array.from({ length: 50 }, () => newTunnel()(1, 2, 3));
    expect(await recordBehind(batch, batch)).toEqual([outcome(50, 0), outcome(0, 50)]);
    expect(await readSums()).toEqual({ requests: 50, sent: 50, received: 100 });
  });

  it('count rows that both add once, and rows that only one adds or raises', async () => {
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

  it('raise a row that is new to both to the higher value, whichever comes first', async () => {
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

  it('raise a known row to the higher value, whichever comes first', async () => {
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

  it('count rows that the other rolls back as new', async () => {
    const tunnel = newTunnel();
    const made = await recordBehind([tunnel(30, 0, 30)], [tunnel(10, 0, 10)], 'rollback');
    expect(made[1]).toEqual(outcome(1, 0));
    const raised = await recordBehind([tunnel(90, 0, 90)], [tunnel(40, 0, 40)], 'rollback');
    expect(raised[1]).toEqual(outcome(1, 0));
    expect(await readSums()).toEqual({ requests: 1, sent: 40, received: 0 });
  });
});

it('batches that overlap at random over several connections count each row once, without deadlocks', async () => {
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
    // each report is on at least one connection, most on several
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
    from proxy_private.proxy_usage_events where api_key_id = any(${keys})`;
  const byId = (one: { eventId?: string }, other: { eventId?: string }) =>
    String(one.eventId) < String(other.eventId) ? -1 : 1;
  expect([...rows].toSorted(byId)).toEqual(expected.toSorted(byId));
});
