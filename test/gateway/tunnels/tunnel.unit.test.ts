import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import type { Outcome } from '../../../gateway/requests/proxy-request.ts';
import type { Session } from '../../../gateway/session.ts';
import { relay } from '../../../gateway/tunnels/relay.ts';
import { Tunnel } from '../../../gateway/tunnels/tunnel.ts';
import { newBytes, newEventId, type UsageEvent } from '../../../gateway/usage/usage-event.ts';
import { makeRelayScene } from './relay-scene.ts';

const key = { id: crypto.randomUUID(), keyId: 'avp_live_0123456789ab' };

const hourMs = 3_600_000;
const minuteMs = 60_000;

/** Clocks that a test controls. */
interface Hands {
  /** The database's clock, in ms since 1970. */
  at: number;
  /** The monotonic clock. */
  now: number;
}

interface TunnelSceneOptions {
  record?: Session['record'];
  hands?: Hands;
}

/** A tunnel to a target, and its reports. */
async function makeTunnel({ record = async () => {}, hands }: TunnelSceneOptions = {}) {
  const scene = await makeRelayScene();
  const events: UsageEvent[] = [];
  let charged = 0;
  const answered: { outcome: Outcome } = { outcome: { statusCode: 200 } };
  const tunnel = new Tunnel({
    id: newEventId(),
    key,
    client: scene.client,
    target: scene.target,
    targetHost: 'example.com',
    method: 'CONNECT',
    outcome: () => answered.outcome,
    nodeId: 'test-node',
    now: () => hands?.now ?? performance.now(),
    session: {
      clock: () => hands?.at ?? Date.now(),
      record(event) {
        events.push(event);
        return record(event);
      },
      charge(_, bytes) {
        charged += bytes;
      },
    },
    close: () => {},
  });
  /** The sum of the reports: the last one of each row counts. */
  const totals = () => {
    const rows = [...rowsOf(events).values()];
    return {
      sent: rows.reduce((sum, { bytesSent }) => sum + bytesSent, 0),
      received: rows.reduce((sum, { bytesReceived }) => sum + bytesReceived, 0),
    };
  };
  const { target, targetEnd } = scene;
  return {
    ...scene,
    tunnel,
    events,
    answered,
    totals,
    charged: () => charged,
    /** Moves bytes in both directions, and waits until they arrive. */
    async move(sent: number, received: number) {
      targetEnd.resume();
      target.resume();
      const before = { sent: targetEnd.bytesRead, received: target.bytesRead };
      if (sent > 0) target.write(Buffer.alloc(sent));
      if (received > 0) targetEnd.write(Buffer.alloc(received));
      await vi.waitFor(() => {
        expect(targetEnd.bytesRead - before.sent).toBe(sent);
        expect(target.bytesRead - before.received).toBe(received);
      });
    },
  };
}

/** The last report of each row, by the row's start. */
function rowsOf(events: UsageEvent[]): Map<string, UsageEvent> {
  return new Map(events.map((event) => [event.occurredAt, event]));
}

/** The sum for ledger and metrics: each report's share. */
function sharesOf(events: UsageEvent[]) {
  const shares = events.map(newBytes);
  return {
    sent: shares.reduce((sum, { sent }) => sum + sent, 0),
    received: shares.reduce((sum, { received }) => sum + received, 0),
  };
}

describe('reports', () => {
  it('match what the target saw, at any time', async () => {
    const { clientEnd, client, target, targetEnd, tunnel, events, totals, charged } =
      await makeTunnel();
    relay(client, target, { beforeEnd: () => tunnel.report() });
    clientEnd.on('data', () => void tunnel.report());
    targetEnd.resume();
    clientEnd.end(Buffer.alloc(3_000_001));
    targetEnd.end(Buffer.alloc(5_000_003));
    await once(clientEnd, 'end');
    await vi.waitFor(() => expect([target.closed, targetEnd.closed]).toEqual([true, true]));
    await tunnel.report();

    expect(events.length).toBeGreaterThan(2);
    expect(new Set(events.map(({ eventId }) => eventId)).size).toBe(1);
    // one row per hour, and an hour may end during the test
    expect(rowsOf(events).size).toBeLessThanOrEqual(2);
    for (const name of ['bytesSent', 'bytesReceived', 'durationMs'] as const) {
      for (const row of rowsOf(events).keys()) {
        const said = events.filter(({ occurredAt }) => occurredAt === row).map((e) => e[name]);
        expect(said).toEqual(said.toSorted((one, other) => one - other));
      }
    }
    expect(totals()).toEqual({ sent: targetEnd.bytesRead, received: targetEnd.bytesWritten });
    expect(events.every(({ targetSite }) => targetSite === 'example.com')).toBe(true);
    expect(totals()).toEqual({ sent: 3_000_001, received: 5_000_003 });
    expect(sharesOf(events)).toEqual(totals());
    expect(charged()).toBe(8_000_004);
  });

  it('are skipped while nothing moves, except the first', async () => {
    const { tunnel, events } = await makeTunnel();
    await tunnel.report();
    await tunnel.report();
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ bytesSent: 0, bytesReceived: 0 });
    expect(events[0]).not.toHaveProperty('count');
  });

  it('are made for a changed outcome, even if nothing moved', async () => {
    const { tunnel, events, answered, move } = await makeTunnel();
    answered.outcome = { statusCode: 499, code: 'client_closed_request' };
    await move(10, 0);
    await tunnel.report();
    answered.outcome = { statusCode: 504, code: 'target_timeout' };
    await tunnel.report();
    await tunnel.report();
    answered.outcome = { statusCode: 200 };
    await tunnel.report();
    expect(events.map(({ statusCode, code, bytesSent }) => [statusCode, code, bytesSent])).toEqual([
      [499, 'client_closed_request', 10],
      [504, 'target_timeout', 10],
      [200, undefined, 10],
    ]);
    expect(rowsOf(events).size).toBe(1);
    expect(sharesOf(events)).toEqual({ sent: 10, received: 0 });
  });

  it('do not count bytes that the target has not been sent', async () => {
    const { target, targetEnd, tunnel, totals } = await makeTunnel();
    const size = 64 * 1_048_576;
    targetEnd.pause();
    target.end(Buffer.alloc(size));
    await tunnel.report();
    expect(totals().sent).toBeLessThan(size);

    targetEnd.resume();
    await once(targetEnd, 'end');
    await tunnel.report();
    expect(totals().sent).toBe(size);
  });
});

describe('a tunnel across an hour', () => {
  const began = Date.parse('2026-12-31T22:50:00.250Z');
  const pass = (hands: Hands, ms: number) => {
    hands.at += ms;
    hands.now += ms;
  };

  it('has one row per hour, with the bytes of that hour, and is one request', async () => {
    const hands = { at: began, now: 1_000 };
    const { tunnel, events, move, charged } = await makeTunnel({ hands });
    await move(100, 7);
    pass(hands, minuteMs);
    await tunnel.report();
    await move(11, 0);
    // the first sweep after the hour closes its row
    pass(hands, 9 * minuteMs - 250);
    expect(tunnel.isDue(24 * hourMs)).toBe(true);
    await tunnel.report();
    expect(tunnel.isDue(24 * hourMs)).toBe(false);
    await move(0, 3_000);
    pass(hands, 30 * minuteMs);
    await tunnel.report();
    await move(5, 1);
    pass(hands, 30 * minuteMs);
    await tunnel.report();
    await move(2, 0);
    pass(hands, minuteMs);
    await tunnel.report();
    const row = { eventId: events[0]?.eventId, apiKeyId: key.id, statusCode: 200 };
    expect([...rowsOf(events).values()]).toEqual([
      expect.objectContaining({
        ...row,
        occurredAt: '2026-12-31T22:50:00.250Z',
        bytesSent: 111,
        bytesReceived: 7,
        durationMs: 10 * minuteMs - 250,
      }),
      expect.objectContaining({
        ...row,
        occurredAt: '2026-12-31T23:00:00.000Z',
        bytesSent: 5,
        bytesReceived: 3_001,
        durationMs: hourMs,
        count: 0,
      }),
      expect.objectContaining({
        ...row,
        occurredAt: '2027-01-01T00:00:00.000Z',
        bytesSent: 2,
        bytesReceived: 0,
        durationMs: minuteMs,
        count: 0,
      }),
    ]);
    expect(rowsOf(events.filter(({ count }) => count === undefined)).size).toBe(1);
    expect(events.map(({ reported }) => reported)).toEqual([
      undefined,
      { sent: 100, received: 7 },
      undefined,
      { sent: 0, received: 3_000 },
      undefined,
    ]);
    expect(sharesOf(events)).toEqual({ sent: 118, received: 3_008 });
    expect(charged()).toBe(118 + 3_008);
  });

  it('has no row for an idle hour, and is one request even if its first hour was idle', async () => {
    const hands = { at: began, now: 0 };
    const { tunnel, events, move } = await makeTunnel({ hands });
    for (let sweep = 0; sweep < 5 * 60; sweep += 1) {
      pass(hands, minuteMs);
      if (tunnel.isDue(30_000)) await tunnel.report();
    }
    await move(1, 2);
    await tunnel.report();
    expect(
      events.map(({ occurredAt, count, bytesSent }) => [occurredAt, count, bytesSent]),
    ).toEqual([
      ['2026-12-31T22:50:00.250Z', undefined, 0],
      ['2027-01-01T03:00:00.000Z', 0, 1],
    ]);
  });

  it('without reports in between has all its bytes in its first hour', async () => {
    const hands = { at: began, now: 0 };
    const { tunnel, events, move } = await makeTunnel({ hands });
    await move(1, 2);
    pass(hands, 3 * hourMs);
    await tunnel.report();
    expect(events).toMatchObject([{ bytesSent: 1, bytesReceived: 2, durationMs: 3 * hourMs }]);
    await tunnel.report();
    expect(events).toHaveLength(1);
  });

  it('continues its current row if the clock is set back', async () => {
    const hands = { at: began, now: 0 };
    const { tunnel, events, move } = await makeTunnel({ hands });
    await move(1, 0);
    pass(hands, 10 * minuteMs);
    await tunnel.report();
    await move(10, 0);
    // into the previous hour, and to before the tunnel started
    for (const back of [5 * minuteMs, 30 * minuteMs]) {
      hands.at -= back;
      hands.now += minuteMs;
      expect(tunnel.isDue(24 * hourMs)).toBe(false);
      await move(100, 0);
      await tunnel.report();
    }
    pass(hands, 65 * minuteMs);
    expect(tunnel.isDue(24 * hourMs)).toBe(false);
    await tunnel.report();
    pass(hands, 31 * minuteMs);
    expect(tunnel.isDue(24 * hourMs)).toBe(true);
    await tunnel.report();
    await move(1_000, 0);
    await tunnel.report();
    expect([...rowsOf(events).values()]).toMatchObject([
      { occurredAt: '2026-12-31T22:50:00.250Z', bytesSent: 1 },
      { occurredAt: '2026-12-31T23:00:00.000Z', bytesSent: 210, count: 0 },
      { occurredAt: '2027-01-01T00:00:00.000Z', bytesSent: 1_000, count: 0 },
    ]);
    for (const { durationMs } of events) expect(durationMs).toBeGreaterThanOrEqual(0);
  });

  it('has a row for the hour that the clock is set forward to', async () => {
    const hands = { at: began, now: 0 };
    const { tunnel, events, move } = await makeTunnel({ hands });
    await move(1, 0);
    hands.at += 5 * hourMs;
    await tunnel.report();
    await move(2, 0);
    pass(hands, minuteMs);
    await tunnel.report();
    expect(events.map(({ occurredAt, bytesSent }) => [occurredAt, bytesSent])).toEqual([
      ['2026-12-31T22:50:00.250Z', 1],
      ['2027-01-01T03:00:00.000Z', 2],
    ]);
  });
});

it.each([
  ['nothing', ''],
  ['something', 'bytes'],
])(
  'a report waits for an earlier one that is being written, with %s moved since',
  async (_, bytes) => {
    const written = Promise.withResolvers<void>();
    const { target, targetEnd, tunnel, events } = await makeTunnel({
      async record({ reported }) {
        if (!reported) await written.promise;
      },
    });
    const order: string[] = [];
    const swept = tunnel.report().then(() => order.push('swept'));
    targetEnd.resume();
    if (bytes) await new Promise((resolve) => target.write(bytes, resolve));
    const ended = tunnel.report().then(() => order.push('ended'));
    expect(events).toHaveLength(bytes ? 2 : 1);
    // as many turns as a promise without I/O would need
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual([]);
    written.resolve();
    await Promise.all([swept, ended]);
    expect(order).toEqual(['swept', 'ended']);
  },
);

it('a report fails if an earlier one could not be written', async () => {
  let failures = 0;
  const { tunnel } = await makeTunnel({
    async record() {
      failures += 1;
      throw new Error('the spool is closed');
    },
  });
  await expect(tunnel.report()).rejects.toThrow('closed');
  await expect(tunnel.report()).rejects.toThrow('closed');
  expect(failures).toBe(1);
});
