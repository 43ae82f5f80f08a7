import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { recordUsageWith } from '../../../gateway/usage/record-usage.ts';
import { resendRecorded } from '../../../gateway/usage/resend-recorded.ts';
import { lockSpool } from '../../../gateway/usage/spool-lock.ts';
import type { UsageEvent } from '../../../gateway/usage/usage-event.ts';
import { startGatewayProcess } from '../../support/gateway/gateway-process.ts';
import { connectOwner } from '../../support/personas.ts';
import { expectRecordedOnce, newApiKeyId, newPool, newRecorder, noting } from './recorded-usage.ts';
import { newEvent, newEvents } from './spool-events.ts';
import { appendInOrder, newSpoolFolder, type SpoolFolder } from './spool-folder.ts';

const sql = connectOwner();
afterAll(() => sql.end());

const hour = 3_600_000;
const ago = (ms: number) => new Date(Date.now() - ms);
/** Stands for a restore: a database that recorded everything and lost it. */
const forgetting = async (events: UsageEvent[]) => ({
  recorded: events.length,
  repeated: 0,
  rejected: [],
});

let folder: SpoolFolder;
let apiKeyId: string;
beforeEach(async () => {
  folder = newSpoolFolder();
  apiKeyId = await newApiKeyId(sql);
});

/** Records the events, in segments of `segmentRecords`. */
async function recordAll(events: UsageEvent[], segmentRecords: number): Promise<void> {
  const spool = await folder.open({ keepMs: hour, segmentRecords });
  const recorder = newRecorder(folder, spool, { record: forgetting });
  await appendInOrder(spool, events);
  expect(await recorder.flush()).toBe(true);
}

/** Runs the command in its own process. */
async function runCommand(...args: string[]) {
  const gateway = startGatewayProcess(
    {
      GATEWAY_DATABASE_URL: inject('stack').gatewayDbUrl,
      GATEWAY_SPOOL_DIR: folder.directory,
      GATEWAY_NODE_ID: 'node-1',
    },
    { args },
  );
  const code = await gateway.ended;
  const cells = gateway.logged().map((line) => line.trim().split(/ {2,}/));
  return { code, cells, stderr: gateway.stderr() };
}

describe('recorded events are sent again after a restore', () => {
  it('by the command, beside the running gateway, and count once even if sent twice', async () => {
    const events = newEvents(30, { apiKeyId });
    await recordAll(events, 7);
    const row = (recorded: number) => [
      'recorded before',
      '30',
      String(recorded),
      String(30 - recorded),
      '0',
    ];
    for (const recorded of [30, 0]) {
      expect(await runCommand('--resend-kept', ago(hour).toISOString())).toEqual({
        code: 0,
        cells: [['events', 'sent', 'recorded', 'repeated', 'rejected'], row(recorded)],
        stderr: '',
      });
    }
    await expectRecordedOnce(sql, apiKeyId, events);
  });

  it('from the given moment on', async () => {
    const events = newEvents(4, { apiKeyId });
    await recordAll(events, 2);
    const [oldest = ''] = folder.files();
    const earlier = oldest.replace(/\d+$/, String(ago(hour).valueOf()));
    renameSync(folder.path(oldest), folder.path(earlier));
    const record = recordUsageWith(newPool());
    expect(await resendRecorded(folder.directory, { since: ago(hour / 2), record })).toMatchObject({
      outcomes: [{ sent: 2, recorded: 2 }],
    });
    await expectRecordedOnce(sql, apiKeyId, events.slice(2));
    expect(folder.files()).toContain(earlier);
  });

  it('even whole records of a damaged segment, and rejected ones go to the rejected file', async () => {
    const [lost, stray, event] = [
      newEvent({ apiKeyId }),
      newEvent({ apiKeyId: crypto.randomUUID() }),
      newEvent({ apiKeyId }),
    ] as const;
    await recordAll([lost, stray, event], 10);
    const [name = ''] = folder.files();
    const damaged = readFileSync(folder.path(name), 'utf8').replace(lost.eventId, 'damaged');
    rmSync(folder.path(name));
    writeFileSync(folder.path(name.replace(/recorded-\d+$/, 'damaged')), damaged);
    expect(await runCommand('--resend-kept', ago(hour).toISOString())).toMatchObject({
      code: 1,
      cells: [expect.anything(), ['recorded before', '2', '1', '0', '1'], ['(unreadable)', '1']],
    });
    expect(JSON.parse(folder.read('rejected.ndjson'))).toEqual({
      event: stray,
      reason: 'unknown_key',
    });
    await expectRecordedOnce(sql, apiKeyId, [event]);
  });

  it('until the database fails, and the next run sends the rest', async () => {
    const events = newEvents(2_500, { apiKeyId });
    await recordAll(events, 1_000);
    const real = recordUsageWith(newPool());
    let calls = 0;
    const failing = noting(real, () => {
      calls += 1;
      return calls === 2 ? '57P01' : null;
    });
    const since = ago(hour);
    const first = await resendRecorded(folder.directory, { since, record: failing.record });
    expect(first.failure).toMatchObject({ code: '57P01' });
    const second = await resendRecorded(folder.directory, { since, record: real });
    expect(second).toMatchObject({ failure: null, outcomes: [{ sent: 2_500, repeated: 1_000 }] });
    await expectRecordedOnce(sql, apiKeyId, events);
  });

  it('but not beside another command, without kept events, or with an invalid moment', async () => {
    const spool = await folder.open();
    const since = ago(hour).toISOString();
    expect(await runCommand('--resend-kept', since)).toMatchObject({
      code: 0,
      cells: [[expect.stringContaining('No events that were recorded')]],
    });
    const lock = lockSpool(folder.directory, 'resend-lock');
    const refused = await runCommand('--resend-kept', since);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining('wait until it ends'),
    ]);
    lock.release();
    const wrong = await runCommand('--resend-kept', 'yesterday');
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('--resend-kept')]);
    expect(spool.accepting).toBe(true);
  });
});
