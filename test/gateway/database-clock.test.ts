import { pino } from 'pino';
import { afterAll, describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { createDatabaseClock } from '../../gateway/database-clock.ts';
import { startChangeListener } from '../../gateway/keys/change-listener.ts';
import { checkChannel } from '../../gateway/readiness/notification-check.ts';
import { startTestGateway } from '../support/gateway/gateway-fixture.ts';
import { startTcpProxy } from '../support/gateway/tcp-proxy.ts';
import { connectOwner } from '../support/personas.ts';

const stack = inject('stack');
const sql = connectOwner();
afterAll(() => sql.end());
const hourMs = 3_600_000;
const eventually = (assertion: () => unknown) => vi.waitFor(assertion, { timeout: 60_000 });

/** The levels of the lines that a clock logs. */
function newLog() {
  const levels: number[] = [];
  const write = (line: string) => levels.push(JSON.parse(line).level);
  return { log: pino({ level: 'trace' }, { write }), levels };
}

describe('with clocks that the test controls', () => {
  /** The host is an hour ahead of the database, and the monotonic clock starts at 500. */
  function scene() {
    const time = { monotonic: 500, database: 1_000_000, host: 1_000_000 + hourMs };
    const pass = (ms: number) => {
      for (const name of ['monotonic', 'database', 'host'] as const) time[name] += ms;
    };
    const { log, levels } = newLog();
    const clock = createDatabaseClock({
      log,
      monotonicNow: () => time.monotonic,
      hostNow: () => time.host,
    });
    /** Asks the database, which answers after `there` ms; the answer arrives `back` ms later. */
    const measure = (there: number, back: number) =>
      clock.measure(async () => {
        pass(there);
        const answer = time.database;
        pass(back);
        return answer;
      });
    return { time, pass, clock, levels, measure };
  }

  test('the host’s time is used until the database answers', async () => {
    const { time, clock, levels } = scene();
    expect(clock.measured).toBe(false);
    expect(clock.now()).toBe(time.host);
    expect(clock.offsetMs).toBe(0);
    const away = clock.measure(() => Promise.reject(new Error('away')));
    await expect(away).rejects.toThrow('away');
    expect(clock.measured).toBe(false);
    expect(levels).toEqual([]);
  });

  test('half of the round trip is subtracted, and time advances without the database and the host', async () => {
    const { time, pass, clock, measure } = scene();
    await measure(40, 40);
    expect(clock.measured).toBe(true);
    expect(clock.now()).toBe(time.database);
    expect(clock.offsetMs).toBe(-hourMs);
    pass(hourMs);
    time.host += 24 * hourMs;
    expect(clock.now()).toBe(time.database);
    await expect(clock.measure(() => Promise.reject(new Error('away')))).rejects.toThrow('away');
    expect(clock.now()).toBe(time.database);
  });

  test('of the last eight measurements, the one with the shortest round trip counts', async () => {
    const { time, clock, measure } = scene();
    const error = () => clock.now() - time.database;
    await measure(0, 80);
    expect(error()).toBe(-40);
    await measure(1, 3);
    expect(error()).toBe(-1);
    for (let later = 0; later < 7; later += 1) await measure(0, 60);
    expect(error()).toBe(-1);
    await measure(0, 60);
    expect(error()).toBe(-30);
  });

  test('a changed database clock counts at once, even against better old measurements', async () => {
    const { time, clock, measure } = scene();
    for (let round = 0; round < 8; round += 1) await measure(1, 1);
    time.database += 5_000;
    await measure(50, 50);
    expect(clock.now()).toBe(time.database);
    time.database -= 60_000;
    await measure(30, 30);
    expect(clock.now()).toBe(time.database);
  });

  test('a host clock that is off by more than 2 s is logged once, and once more when it is right again', async () => {
    const { time, levels, measure } = scene();
    time.host = time.database - 1_999;
    await measure(0, 0);
    expect(levels).toEqual([]);
    time.host = time.database - 2_001;
    await measure(0, 0);
    await measure(0, 0);
    expect(levels).toEqual([40]);
    time.host = time.database;
    await measure(0, 0);
    await measure(0, 0);
    expect(levels).toEqual([40, 30]);
    time.host = time.database + 2_001;
    await measure(0, 0);
    expect(levels).toEqual([40, 30, 40]);
  });
});

/** The database's time, over the test's own connection. */
async function databaseMs(): Promise<number> {
  const [row] = await sql`select extract(epoch from clock_timestamp()) * 1000 as ms`;
  return Number(row?.ms);
}

test('the listener measures a host that is an hour ahead, and time advances after a disconnect', async () => {
  const network = await startTcpProxy(stack.gatewayDbUrl);
  onTestFinished(() => network.close());
  const clock = createDatabaseClock({ log: newLog().log, hostNow: () => Date.now() + hourMs });
  const measure = vi.spyOn(clock, 'measure');
  const listener = startChangeListener({
    databaseUrl: network.through(stack.gatewayDbUrl),
    sendCheck: (payload) => sql.notify(checkChannel, payload),
    clock,
    onChange: () => {},
    onListening: () => {},
    onLost: () => {},
    log: newLog().log,
    heartbeatMs: 5,
    timeoutMs: 60_000,
  });
  onTestFinished(() => listener.stop());
  // enough measurements, at least one of them with a short round trip
  await eventually(() => expect(measure.mock.settledResults.length).toBeGreaterThan(20));
  const right = async () => {
    const before = await databaseMs();
    const now = clock.now();
    expect(now).toBeGreaterThan(before - 1_000);
    expect(now).toBeLessThan((await databaseMs()) + 1_000);
  };
  await right();
  network.cut();
  await eventually(() => expect(listener.listening).toBe(false));
  await right();
});

test('a gateway on a host that is an hour ahead logs and reports it', async () => {
  const gateway = await startTestGateway({ drainMs: 0, hostNow: () => Date.now() + hourMs });
  onTestFinished(() => gateway.stop());
  await eventually(async () => {
    const seconds = await gateway.metric('gateway_clock_offset_seconds');
    expect(seconds).toBeLessThan(-3_590);
    expect(seconds).toBeGreaterThan(-3_610);
  });
  const warnings = gateway.logged.filter((line) => JSON.parse(line).offsetSeconds < -3_590);
  expect(warnings).toHaveLength(1);
});
