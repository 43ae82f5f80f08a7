import { afterAll, expect, inject, it } from 'vitest';
import { recordUsageWith } from '../../../gateway/usage/record-usage.ts';
import { connectOwner } from '../../support/personas.ts';
import { until } from '../../support/stack/start-command.ts';
import {
  expectRecordedOnce,
  newApiKeyId,
  newPool,
  newRecorder,
  recordedIds,
} from './recorded-usage.ts';
import { newEvents } from './spool-events.ts';
import { appendInOrder, idsOf, newSpoolFolder } from './spool-folder.ts';
import { acknowledgedBy, startSpoolProcess } from './spool-process.ts';

const sql = connectOwner();
afterAll(() => sql.end());

it('usage is recorded once if the appending process is killed at any moment', async () => {
  const folder = newSpoolFolder();
  const apiKeyId = await newApiKeyId(sql);
  const acknowledged: string[] = [];
  for (const words of [3, 40, 150]) {
    const process = startSpoolProcess({ directory: folder.directory, apiKeyId, hands: 9 });
    await until(() => process.said.length >= words);
    process.child.kill('SIGKILL');
    await process.ended;
    acknowledged.push(...acknowledgedBy(process));
  }
  expect(acknowledged.length).toBeGreaterThan(150);
  const left: { eventId: string }[] = [];
  const spool = await folder.open({ onRecovered: (event) => void left.push(event) });
  expect(left.map(({ eventId }) => eventId)).toEqual(expect.arrayContaining(acknowledged));
  const recorder = newRecorder(folder, spool, { record: recordUsageWith(newPool()) });
  expect(await recorder.flush()).toBe(true);
  expect(folder.files()).toEqual([]);
  await expectRecordedOnce(sql, apiKeyId, left);
});

it('usage is recorded once if the process is killed after a commit, with the events still in the spool', async () => {
  const folder = newSpoolFolder();
  const apiKeyId = await newApiKeyId(sql);
  const process = startSpoolProcess({
    directory: folder.directory,
    apiKeyId,
    hands: 4,
    databaseUrl: inject('stack').gatewayDbUrl,
  });
  await until(() => acknowledgedBy(process).length > 20);
  process.seal();
  expect(await process.ended).toBe('SIGKILL');
  const known = await recordedIds(sql, apiKeyId);
  expect(known.length).toBeGreaterThan(20);
  const left: { eventId: string }[] = [];
  const spool = await folder.open({ onRecovered: (event) => void left.push(event) });
  expect(left.map(({ eventId }) => eventId)).toEqual(expect.arrayContaining(known));
  const outcomes: unknown[] = [];
  const recorder = newRecorder(folder, spool, {
    record: recordUsageWith(newPool()),
    onRecorded: (_, outcome) => outcomes.push(outcome),
  });
  expect(await recorder.flush()).toBe(true);
  expect(outcomes[0]).toMatchObject({ recorded: 0, repeated: known.length });
  await expectRecordedOnce(sql, apiKeyId, left);
});

it('usage is recorded once if calls fail before or after their commit', async () => {
  const folder = newSpoolFolder();
  const apiKeyId = await newApiKeyId(sql);
  const events = newEvents(300, { apiKeyId });
  const spool = await folder.open({ segmentRecords: 70 });
  const real = recordUsageWith(newPool());
  const settled: string[] = [];
  let calls = 0;
  let repeated = 0;
  const recorder = newRecorder(folder, spool, {
    batchSize: 30,
    async record(batch, signal) {
      calls += 1;
      const fate = calls % 3;
      const lost = Object.assign(new Error('connection lost'), { code: 'ECONNRESET' });
      if (fate === 0) throw lost;
      const outcome = await real(batch, signal);
      if (fate === 1) throw lost;
      return outcome;
    },
    onRecorded(recorded, outcome) {
      settled.push(...idsOf(recorded));
      repeated += outcome.repeated;
    },
  });
  await Promise.all(events.map((event) => spool.append(event)));
  await until(() => recorder.flush());
  expect(repeated).toBeGreaterThan(200);
  // settled once, even if sent several times
  expect(settled).toEqual(idsOf(events));
  await expectRecordedOnce(sql, apiKeyId, events);
});

it('usage is recorded once if it is in the spool twice', async () => {
  const folder = newSpoolFolder();
  const apiKeyId = await newApiKeyId(sql);
  const events = newEvents(50, { apiKeyId });
  const spool = await folder.open({ segmentRecords: 50 });
  await appendInOrder(spool, [...events, ...events]);
  const recorder = newRecorder(folder, spool, { record: recordUsageWith(newPool()) });
  expect(await recorder.flush()).toBe(true);
  await expectRecordedOnce(sql, apiKeyId, events);
});
