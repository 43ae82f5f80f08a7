import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest';
import { type RecordUsage, recordUsageWith } from '../../../gateway/usage/record-usage.ts';
import { keepRejected, type RejectedEvent } from '../../../gateway/usage/rejected-events.ts';
import { resendRejected } from '../../../gateway/usage/resend-rejected.ts';
import { lockSpool } from '../../../gateway/usage/spool-lock.ts';
import { makeSpoolFolder } from '../../../gateway/usage/spool-segments.ts';
import type { UsageEvent } from '../../../gateway/usage/usage-event.ts';
import { startGatewayProcess } from '../../support/gateway/gateway-process.ts';
import { startOwnDatabase } from '../../support/own-stack.ts';
import { connectOwner } from '../../support/personas.ts';
import { expectRecordedOnce, newApiKeyId, newPool, noting, recordedIds } from './recorded-usage.ts';
import { newEvent, newEvents } from './spool-events.ts';
import { idsOf, newSpoolFolder, type SpoolFolder } from './spool-folder.ts';

const sql = connectOwner();
afterAll(() => sql.end());

let folder: SpoolFolder;
let apiKeyId: string;
let real: RecordUsage;
beforeEach(async () => {
  folder = newSpoolFolder();
  await makeSpoolFolder(folder.directory);
  apiKeyId = await newApiKeyId(sql);
  real = recordUsageWith(newPool());
});

const because = (reason: string, events: UsageEvent[]): RejectedEvent[] =>
  events.map((event) => ({ event, reason }));
const keep = (reason: string, events: UsageEvent[]) =>
  keepRejected(folder.directory, because(reason, events));

const names = () => readdirSync(folder.directory).filter((name) => name.startsWith('rejected'));
const readRejected = () => folder.read('rejected.ndjson').trimEnd().split('\n').filter(Boolean);

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

describe('rejected events are sent again', () => {
  it('and removed if their cause is gone, by the command, which exits with 0', async () => {
    const events = newEvents(30, { apiKeyId });
    await keep('occurred_before_key', events.slice(0, 20));
    await keep('unknown_key', events.slice(15));
    expect(await runCommand('--resend-rejected')).toEqual({
      code: 0,
      cells: [
        ['rejected for', 'sent', 'recorded', 'repeated', 'still refused'],
        ['occurred_before_key', '20', '20', '0', '0'],
        ['unknown_key', '15', '10', '5', '0'],
      ],
      stderr: '',
    });
    expect(names()).toEqual([]);
    await expectRecordedOnce(sql, apiKeyId, events);
    expect(await runCommand('--resend-rejected')).toMatchObject({
      code: 0,
      cells: [['No events were rejected.']],
    });
  });

  it('and kept with the current reason if it is not, and the command exits with 1', async () => {
    const events = newEvents(3, { apiKeyId });
    const stray = newEvent({ apiKeyId: crypto.randomUUID() });
    const spoiled = newEvent({ apiKeyId, targetHost: 'a\u0000b' });
    await keep('occurred_too_long_ago', [stray, ...events, spoiled]);
    expect(await runCommand('--resend-rejected')).toMatchObject({
      code: 1,
      cells: [expect.anything(), ['occurred_too_long_ago', '5', '3', '0', '2']],
    });
    expect(readRejected().map((line) => JSON.parse(line))).toEqual([
      ...because('unknown_key', [stray]),
      ...because('22P05', [spoiled]),
    ]);
    expect(names()).toEqual(['rejected.ndjson']);
    await expectRecordedOnce(sql, apiKeyId, events);
  });

  it('if they were too old and retention is longer now, except for a dropped day', async () => {
    const database = await startOwnDatabase();
    onTestFinished(() => database.stop());
    const record = recordUsageWith(newPool({ connectionString: database.gatewayDbUrl }));
    const [key] = await database.newKeys(1);
    const [dropped, kept] = [97, 95].map((days) => {
      const occurredAt = new Date(Date.now() - days * 86_400_000).toISOString();
      return newEvent({ apiKeyId: key?.id ?? '', occurredAt });
    }) as [UsageEvent, UsageEvent];
    await keep('occurred_too_long_ago', [dropped, kept]);
    const resend = () => resendRejected(folder.directory, record);
    expect(await resend()).toMatchObject({ outcomes: [{ recorded: 0, refused: 2 }] });
    await database.sql`update proxy_private.maintenance_settings set keep_days = 120`;
    await database.sql`
      insert into proxy_private.dropped_usage_days
      values (${dropped.occurredAt.slice(0, 10)}, now(), 1, 1100)`;
    expect(await resend()).toMatchObject({ outcomes: [{ recorded: 1, refused: 1 }] });
    expect(readRejected().map((line) => JSON.parse(line))).toEqual(
      because('occurred_too_long_ago', [dropped]),
    );
    expect(await recordedIds(database.sql, key?.id ?? '')).toEqual([kept.eventId]);
  });

  it('in batches, with few events in memory at once', async () => {
    const events = newEvents(12_500, { apiKeyId });
    const reasons = Array.from({ length: 30 }, (_, n) => `reason_${n}`);
    await keepRejected(
      folder.directory,
      events.map((event, n) => ({ event, reason: reasons[n % 30] ?? '' })),
    );
    const { sizes, record } = noting(real);
    const { outcomes, failure } = await resendRejected(folder.directory, record);
    expect([failure, outcomes.map(({ reason }) => reason)]).toEqual([null, reasons.toSorted()]);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(12_500);
    await expectRecordedOnce(sql, apiKeyId, events);
  });
});

describe('nothing is lost', () => {
  it.each(['before', 'after'])('if the database goes away %s a batch', async (when) => {
    const events = newEvents(2_500, { apiKeyId });
    await keep('unknown_key', events);
    let calls = 0;
    const failing: RecordUsage = async (batch, signal) => {
      calls += 1;
      if (calls === 2 && when === 'before') throw new Error('away');
      const answer = await real(batch, signal);
      if (calls === 2) throw new Error('away');
      return answer;
    };
    const first = await resendRejected(folder.directory, failing);
    expect(first.failure).toMatchObject({ message: 'away' });
    expect(names()).toEqual([expect.stringMatching(/^rejected\.sending-\d+\.ndjson$/)]);
    const later = newEvents(5, { apiKeyId });
    await keep('unknown_key', later);
    const second = await resendRejected(folder.directory, real);
    expect(second).toMatchObject({ failure: null, outcomes: [{ sent: 2_505, refused: 0 }] });
    expect(names()).toEqual([]);
    await expectRecordedOnce(sql, apiKeyId, [...events, ...later]);
  });

  it('if a gateway rejects events while the file is being taken, at any moment', async () => {
    const events = newEvents(100, { apiKeyId });
    const [file, taken] = ['rejected.ndjson', 'taken'].map(folder.path) as [string, string];
    let putting = true;
    const all = (async () => {
      for (const event of events) await keep('unknown_key', [event]);
      putting = false;
    })();
    let found = '';
    // not at every turn, or the file would never stay in place long enough to be written
    for (let turn = 0; putting; turn += 1) {
      await nextTurn();
      if (turn % 23 > 0 || !existsSync(file)) continue;
      renameSync(file, taken);
      found += readFileSync(taken, 'utf8');
      rmSync(taken);
    }
    await all;
    if (existsSync(file)) found += folder.read('rejected.ndjson');
    const ids = new Set(Array.from(found.matchAll(/"eventId":"([^"]+)"/g), ([, id]) => id));
    expect([...ids]).toEqual(idsOf(events));
  });

  it('from lines without an event, which are kept unchanged', async () => {
    const event = newEvent({ apiKeyId });
    const lines = ['{"event":{"eventId":"cut', '{"event":{},"reason":"unknown_key"}'];
    writeFileSync(
      folder.path('rejected.ndjson'),
      [lines[0], '', JSON.stringify({ event, reason: 'unknown_key' }), lines[1]].join('\n'),
    );
    expect(await runCommand('--resend-rejected')).toMatchObject({
      code: 1,
      cells: [expect.anything(), ['unknown_key', '1', '1', '0', '0'], ['(unreadable)', '2']],
    });
    expect(readRejected()).toEqual(lines);
    await expectRecordedOnce(sql, apiKeyId, [event]);
  });
});

it('works beside a running gateway, but not beside another command', async () => {
  const gateway = await folder.open();
  await keep('unknown_key', newEvents(2, { apiKeyId }));
  const lock = lockSpool(folder.directory, 'resend-lock');
  const refused = await runCommand('--resend-rejected');
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringContaining('wait until it ends'),
  ]);
  expect(names()).toEqual(['rejected.ndjson']);
  lock.release();
  expect(await runCommand('--resend-rejected')).toMatchObject({ code: 0 });
  expect(gateway.accepting).toBe(true);
});

it('an unknown option is refused', async () => {
  const { code, stderr } = await runCommand('--resend');
  expect([code, stderr]).toEqual([1, expect.stringContaining('--resend-rejected')]);
});
