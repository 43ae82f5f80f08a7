import { mkdirSync, writeFileSync } from 'node:fs';
import getPort from 'get-port';
import { afterAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { type RecordUsage, recordUsageWith } from '../../../gateway/usage/record-usage.ts';
import { encodeRecord } from '../../../gateway/usage/spool-record.ts';
import { segmentFile } from '../../../gateway/usage/spool-segments.ts';
import type { RecordingOutcome } from '../../../gateway/usage/usage-recorder.ts';
import { connectOwner } from '../../support/personas.ts';
import { until } from '../../support/stack/start-command.ts';
import { expectRecordedOnce, newApiKeyId, newPool, newRecorder, noting } from './recorded-usage.ts';
import { newEvent, newEvents } from './spool-events.ts';
import {
  appendInOrder,
  error,
  idsOf,
  info,
  newSpoolFolder,
  type SpoolFolder,
  warn,
} from './spool-folder.ts';
import { drainSpool } from './spool-process.ts';

const sql = connectOwner();
afterAll(() => sql.end());
const databaseUrl = inject('stack').gatewayDbUrl;

let folder: SpoolFolder;
let apiKeyId: string;
let real: RecordUsage;
beforeEach(async () => {
  folder = newSpoolFolder();
  apiKeyId = await newApiKeyId(sql);
  real = recordUsageWith(newPool());
});

describe('a flush', () => {
  it('records all appended events, reports it, and leaves no file', async () => {
    const spool = await folder.open({ segmentRecords: 40 });
    const reported: [string[], RecordingOutcome][] = [];
    const recorder = newRecorder(folder, spool, {
      record: real,
      onRecorded: (events, outcome) => reported.push([idsOf(events), outcome]),
    });
    const events = newEvents(100, { apiKeyId });
    await Promise.all(events.map((event) => spool.append(event)));
    expect(await recorder.flush()).toBe(true);
    expect(reported.flatMap(([ids]) => ids)).toEqual(idsOf(events));
    expect(reported.reduce((sum, [, { recorded }]) => sum + recorded, 0)).toBe(100);
    expect(spool).toMatchObject({ pendingRecords: 0, pendingBytes: 0, oldestAppendedAt: null });
    expect(folder.files()).toEqual([]);
    await expectRecordedOnce(sql, apiKeyId, events);
    expect(folder.logged).toEqual([]);
  });

  it('that is requested during another runs after it, with the events that arrived meanwhile', async () => {
    const spool = await folder.open();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    let running = 0;
    const recorder = newRecorder(folder, spool, {
      async record(events, signal) {
        running += 1;
        expect(running).toBe(1);
        await gate;
        const outcome = await real(events, signal);
        running -= 1;
        return outcome;
      },
    });
    const [first, second] = [newEvent({ apiKeyId }), newEvent({ apiKeyId })];
    await spool.append(first);
    const flushing = recorder.flush();
    await until(() => running === 1);
    await spool.append(second);
    const followers = [recorder.flush(), recorder.flush(), recorder.flush()];
    open();
    expect(await flushing).toBe(true);
    expect(await Promise.all(followers)).toEqual([true, true, true]);
    await expectRecordedOnce(sql, apiKeyId, [first, second]);
  });

  it('runs by itself after the interval', async () => {
    const spool = await folder.open();
    newRecorder(folder, spool, { record: real, flushMs: 2 });
    const events = newEvents(3, { apiKeyId });
    for (const event of events) {
      await spool.append(event);
      await until(() => spool.pendingRecords === 0);
    }
    await expectRecordedOnce(sql, apiKeyId, events);
  });

  it('runs at once when a segment is full, and for events of an earlier run', async () => {
    const before = await folder.open();
    const events = newEvents(25, { apiKeyId });
    await appendInOrder(before, events.slice(0, 5));
    await before.close();
    const spool = await folder.open({ segmentRecords: 10 });
    newRecorder(folder, spool, { record: real });
    await until(() => spool.pendingRecords === 0);
    await Promise.all(events.slice(5).map((event) => spool.append(event)));
    await until(() => spool.pendingRecords === 0);
    await expectRecordedOnce(sql, apiKeyId, events);
  });
});

describe('a database that is away', () => {
  it('loses no event, blocks no append, and is logged once', async () => {
    const port = await getPort();
    const away = new URL(databaseUrl);
    away.port = String(port);
    const [absent, present] = [newPool({ connectionString: away.href }), newPool()];
    const [refused, answered] = [recordUsageWith(absent), recordUsageWith(present)];
    let isAway = true;
    let calls = 0;
    const spool = await folder.open();
    const recorder = newRecorder(folder, spool, {
      maxBackoffMs: 2,
      record(events, signal) {
        calls += 1;
        return isAway ? refused(events, signal) : answered(events, signal);
      },
    });
    const events = newEvents(30, { apiKeyId });
    await appendInOrder(spool, events.slice(0, 10));
    expect(await recorder.flush()).toBe(false);
    // it retries by itself, and new events fill one segment meanwhile
    await until(() => calls > 5);
    for (const event of events.slice(10)) {
      await spool.append(event);
      await recorder.flush();
    }
    expect(spool.accepting).toBe(true);
    expect(folder.files()).toHaveLength(2);
    expect(folder.logged).toMatchObject([{ level: warn, code: 'ECONNREFUSED', events: 10 }]);

    isAway = false;
    await until(() => spool.pendingRecords === 0);
    await expectRecordedOnce(sql, apiKeyId, events);
    expect([folder.count(warn), folder.count(info), folder.count(error)]).toEqual([1, 1, 0]);
  });

  it('gets smaller batches when it is slow, and larger ones when it recovers', async () => {
    const { sizes, record } = noting(real, (events) => (events.length > 300 ? '57014' : null));
    const spool = await folder.open({ segmentRecords: 1_000 });
    const recorder = newRecorder(folder, spool, { batchSize: 1_000, record });
    const events = newEvents(2_000, { apiKeyId });
    await Promise.all(events.map((event) => spool.append(event)));
    await until(() => recorder.flush());
    expect(sizes).toEqual([1_000, 500, 250, 250, 250, 250, 500, 250, 250, 250, 250]);
    await expectRecordedOnce(sql, apiKeyId, events);
  });

  it('does not get recorded parts of a segment again', async () => {
    let calls = 0;
    const { sizes, record } = noting(real, () => {
      calls += 1;
      return calls % 2 === 0 ? 'ECONNRESET' : null;
    });
    const outcomes: RecordingOutcome[] = [];
    const spool = await folder.open();
    const recorder = newRecorder(folder, spool, {
      batchSize: 10,
      record,
      onRecorded: (_, outcome) => outcomes.push(outcome),
    });
    const events = newEvents(50, { apiKeyId });
    await appendInOrder(spool, events);
    await until(() => recorder.flush());
    expect(sizes).toHaveLength(9);
    expect(outcomes).toEqual([{ recorded: 50, repeated: 0, rejected: 0 }]);
    await expectRecordedOnce(sql, apiKeyId, events);
  });

  it('during a stop, leaves the events to the next start', async () => {
    const { record } = noting(real, () => 'ECONNREFUSED');
    const spool = await folder.open();
    const event = newEvent({ apiKeyId });
    await spool.append(event);
    expect(await newRecorder(folder, spool, { record }).stop({ deadlineMs: 60_000 })).toBe(false);
    await spool.close();
    const next = await folder.open();
    const recorder = newRecorder(folder, next, { record: real });
    expect(await recorder.stop({ deadlineMs: 60_000 })).toBe(true);
    await expectRecordedOnce(sql, apiKeyId, [event]);
  });

  it('that never answers delays a stop no longer than the deadline', async () => {
    const spool = await folder.open();
    await spool.append(newEvent({ apiKeyId }));
    const recorder = newRecorder(folder, spool, { record: () => new Promise(() => {}) });
    expect(await recorder.stop({ deadlineMs: 5 })).toBe(false);
  });
});

it('records many segments within the memory of a few', async () => {
  mkdirSync(folder.directory);
  const [segments, records] = [20, 5_000];
  const events = newEvents(records, { apiKeyId, targetHost: 'x'.repeat(250) });
  const segment = events.map(encodeRecord).join('');
  for (let sequence = 1; sequence <= segments; sequence += 1) {
    writeFileSync(segmentFile(folder.directory, sequence), segment);
  }
  const all = segments * records;
  expect(await drainSpool(folder.directory, 64)).toEqual({
    complete: true,
    recovered: all,
    recorded: all,
    most: 1_000,
  });
  expect(folder.files()).toEqual([]);
});
