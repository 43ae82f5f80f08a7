import { mkdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type RecordUsage, recordUsageWith } from '../../../gateway/usage/record-usage.ts';
import type { UsageEvent } from '../../../gateway/usage/usage-event.ts';
import { connectOwner } from '../../support/personas.ts';
import { until } from '../../support/stack/start-command.ts';
import { expectRecordedOnce, newApiKeyId, newPool, newRecorder, noting } from './recorded-usage.ts';
import { newEvent, newEvents } from './spool-events.ts';
import { appendInOrder, error, idsOf, newSpoolFolder, type SpoolFolder } from './spool-folder.ts';

const sql = connectOwner();
afterAll(() => sql.end());

let folder: SpoolFolder;
let apiKeyId: string;
let real: RecordUsage;
beforeEach(async () => {
  folder = newSpoolFolder();
  apiKeyId = await newApiKeyId(sql);
  real = recordUsageWith(newPool());
});

function readRejected(): { event: UsageEvent; reason: string }[] {
  const lines = folder.read('rejected.ndjson').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line));
}

describe('an event that the database rejects', () => {
  it('because of its key is written to the rejected file with its reason, and the others are recorded', async () => {
    const events = newEvents(20, { apiKeyId });
    const stray = newEvent({ apiKeyId: crypto.randomUUID(), targetHost: 'secret.example' });
    const spool = await folder.open();
    const reported: unknown[] = [];
    const recorder = newRecorder(folder, spool, {
      record: real,
      onRecorded: (all, outcome) => reported.push([idsOf(all), outcome]),
    });
    await appendInOrder(spool, [...events.slice(0, 7), stray, ...events.slice(7)]);
    expect(await recorder.flush()).toBe(true);
    expect(readRejected()).toEqual([{ event: stray, reason: 'unknown_key' }]);
    expect(statSync(folder.path('rejected.ndjson')).mode & 0o777).toBe(0o600);
    // the settled events include it, because it is not sent again
    const ids = idsOf([...events.slice(0, 7), stray, ...events.slice(7)]);
    expect(reported).toEqual([[ids, { recorded: 20, repeated: 0, rejected: 1 }]]);
    expect(folder.logged).toMatchObject([
      { level: error, eventId: stray.eventId, reason: 'unknown_key' },
    ]);
    expect(JSON.stringify(folder.logged)).not.toContain('secret.example');
    await expectRecordedOnce(sql, apiKeyId, events);
  });

  it('is distinguished from events with the same id by its place in the batch', async () => {
    const tunnel = newEvent({ apiKeyId });
    const hours = [0, 100, 0, 0].map((daysAgo, n) => ({
      ...tunnel,
      occurredAt: new Date(Date.now() - daysAgo * 86_400_000).toISOString(),
      bytesSent: n,
    }));
    const tooMany = { ...(hours[3] as UsageEvent), bytesSent: 2 ** 47 };
    const spool = await folder.open();
    await appendInOrder(spool, [...hours.slice(0, 3), tooMany]);
    expect(await newRecorder(folder, spool, { record: real }).flush()).toBe(true);
    expect(readRejected()).toEqual([
      { event: hours[1], reason: 'occurred_too_long_ago' },
      { event: tooMany, reason: 'invalid_bytes_sent' },
    ]);
  });

  it('is found if it fails its whole batch, and the others are recorded', async () => {
    const events = newEvents(300, { apiKeyId });
    const spoiled = [
      newEvent({ apiKeyId, targetHost: 'a\u0000b' }),
      newEvent({ eventId: '\u0000' }),
    ];
    const { sizes, record } = noting(real);
    const spool = await folder.open();
    const recorder = newRecorder(folder, spool, { record });
    const all = [...events.slice(0, 10), spoiled[0], ...events.slice(10), spoiled[1]];
    await Promise.all(all.map((event) => event && spool.append(event)));
    expect(await recorder.flush()).toBe(true);
    expect(readRejected()).toEqual(spoiled.map((event) => ({ event, reason: '22P05' })));
    expect(sizes.length).toBeLessThan(50);
    expect(folder.files()).toEqual([]);
    await expectRecordedOnce(sql, apiKeyId, events);
  });

  it.each(['22003', '23514', 'PT400'])(
    'with %s is rejected for good, once it is alone in a batch',
    async (code) => {
      const bad = newEvent({ apiKeyId });
      const good = newEvents(3, { apiKeyId });
      const { record } = noting(real, (events) =>
        idsOf(events).includes(bad.eventId) ? code : null,
      );
      const spool = await folder.open();
      await appendInOrder(spool, [bad, ...good]);
      expect(await newRecorder(folder, spool, { record }).flush()).toBe(true);
      expect(readRejected()).toEqual([{ event: bad, reason: code }]);
      await expectRecordedOnce(sql, apiKeyId, good);
    },
  );

  it.each(['08006', '40001', '42501', '53300', '57P01', 'ECONNRESET'])(
    'with %s is retried',
    async (code) => {
      let calls = 0;
      const { record } = noting(real, () => {
        calls += 1;
        return calls < 3 ? code : null;
      });
      const event = newEvent({ apiKeyId });
      const spool = await folder.open();
      const recorder = newRecorder(folder, spool, { record });
      await spool.append(event);
      await until(() => recorder.flush());
      await expectRecordedOnce(sql, apiKeyId, [event]);
      expect(() => readRejected()).toThrow();
    },
  );

  it('is tried once more alone, because a table may be changing', async () => {
    let alone = 0;
    const { record } = noting(real, (events) => {
      alone += Number(events.length === 1);
      return alone < 2 ? '23514' : null;
    });
    const event = newEvent({ apiKeyId });
    const spool = await folder.open();
    await spool.append(event);
    expect(await newRecorder(folder, spool, { record }).flush()).toBe(true);
    await expectRecordedOnce(sql, apiKeyId, [event]);
  });

  it('is in the rejected file before it leaves the spool, on its own line after a crash', async () => {
    const stray = newEvent({ apiKeyId: crypto.randomUUID() });
    const spool = await folder.open();
    await spool.append(stray);
    const recorder = newRecorder(folder, spool, { record: real });
    mkdirSync(folder.path('rejected.ndjson'));
    expect(await recorder.flush()).toBe(false);
    expect(await recorder.flush()).toBe(false);
    expect(folder.logged).toMatchObject([{ level: error, code: 'EISDIR' }]);
    // a stuck event blocks no other
    const event = newEvent({ apiKeyId });
    await spool.append(event);
    expect(await recorder.flush()).toBe(false);
    await expectRecordedOnce(sql, apiKeyId, [event]);
    expect(spool.pendingRecords).toBe(1);
    rmdirSync(folder.path('rejected.ndjson'));
    writeFileSync(folder.path('rejected.ndjson'), '{"event":{"eve');
    expect(await recorder.flush()).toBe(true);
    const [torn, line] = folder.read('rejected.ndjson').split('\n');
    expect(torn).toBe('{"event":{"eve');
    expect(JSON.parse(line ?? '')).toEqual({ event: stray, reason: 'unknown_key' });
  });
});
