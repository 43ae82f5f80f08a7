import { pino } from 'pino';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { keyMaxAgeMs } from '../../../gateway/keys/key-cache.ts';
import { watchLookups } from '../../../gateway/readiness/lookup-watch.ts';

/** A database that answers or refuses as the test says, and the lines of the log. */
async function scene(options: { refuses?: string; probeMs?: number } = {}) {
  const database = { refuses: options.refuses, asked: 0, hangs: false };
  const time = { now: 1_000 };
  const lines: { level: number; code?: string; cause?: string; failures: number }[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const watch = watchLookups({
    async lookUp() {
      database.asked += 1;
      if (database.hangs) await new Promise(() => {});
      if (database.refuses) throw Object.assign(new Error('no'), { code: database.refuses });
      return null;
    },
    now: () => time.now,
    log,
    probeMs: options.probeMs ?? 3_600_000,
  });
  onTestFinished(() => watch.stop());
  const ask = () => watch.lookUp('avp_live_000000000000').catch(() => {});
  expect(watch.problem()?.code).toBe('starting');
  // the initial lookup
  await new Promise(setImmediate);
  return { database, time, lines, watch, ask };
}

describe('lookups', () => {
  it('that succeed are no reason until the last one is older than a key may be', async () => {
    const { database, time, watch, ask } = await scene();
    expect(watch.problem()).toBeNull();
    database.refuses = 'ECONNREFUSED';
    await ask();
    time.now += keyMaxAgeMs;
    expect(watch.problem()).toBeNull();
    time.now += 1;
    expect(watch.problem()?.code).toBe('database_away');
    database.refuses = undefined;
    await ask();
    expect(watch.problem()).toBeNull();
  });

  it('that never succeeded are a reason at once, with the last cause', async () => {
    const { database, watch, ask } = await scene({ refuses: '53300' });
    expect(watch.problem()?.code).toBe('connection_limit');
    database.refuses = '28P01';
    await ask();
    expect(watch.problem()?.code).toBe('login_refused');
  });

  it('are made while no client’s lookup succeeds, one at a time', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const { database, ask } = await scene({ probeMs: 5_000 });
    const beat = () => vi.advanceTimersByTimeAsync(5_000);
    expect(database.asked).toBe(1);
    // the initial one was answered
    await beat();
    expect(database.asked).toBe(1);
    await beat();
    expect(database.asked).toBe(2);
    for (let round = 1; round <= 5; round += 1) {
      await ask();
      await beat();
      expect(database.asked).toBe(2 + round);
    }
    database.refuses = '53300';
    await beat();
    expect(database.asked).toBe(8);
    await beat();
    expect(database.asked).toBe(9);
    database.hangs = true;
    await beat();
    await beat();
    await beat();
    expect(database.asked).toBe(10);
  });
});

describe('the log', () => {
  it('has one line per minute of failures, with their count, and one when they end', async () => {
    const { database, time, lines, ask } = await scene();
    database.refuses = '53300';
    for (let failure = 0; failure < 10; failure += 1) await ask();
    expect(lines).toMatchObject([
      { level: 40, code: 'connection_limit', cause: '53300', failures: 1 },
    ]);
    time.now += 60_000;
    await ask();
    expect(lines.at(-1)).toMatchObject({ level: 40, failures: 10 });
    await ask();
    database.refuses = undefined;
    await ask();
    await ask();
    expect(lines).toHaveLength(3);
    expect(lines.at(-1)).toMatchObject({ level: 30, failures: 1 });
  });

  it('is not flooded by occasional failures', async () => {
    const { database, lines, ask } = await scene();
    for (let round = 0; round < 100; round += 1) {
      database.refuses = round % 2 === 0 ? '53300' : undefined;
      await ask();
    }
    expect(lines.map(({ level }) => level)).toEqual([40, 30]);
  });
});
