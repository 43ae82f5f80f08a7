import pg from 'pg';
import type postgres from 'postgres';
import { expect, inject, onTestFinished } from 'vitest';
import type { RecordUsage } from '../../../gateway/usage/record-usage.ts';
import type { Spool } from '../../../gateway/usage/spool.ts';
import type { UsageEvent } from '../../../gateway/usage/usage-event.ts';
import {
  createUsageRecorder,
  type UsageRecorder,
  type UsageRecorderOptions,
} from '../../../gateway/usage/usage-recorder.ts';
import { newUser } from '../../support/personas.ts';
import { seedKey } from '../../support/seeded-keys.ts';
import { findDrift, readRollups } from '../../support/usage-events.ts';
import type { SpoolFolder } from './spool-folder.ts';

/** Connections as the gateway's role, to the stack or to a proxy in front of it. */
export function newPool(options: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: inject('stack').gatewayDbUrl, max: 1, ...options });
  // an idle connection that is lost
  pool.on('error', () => {});
  onTestFinished(() => pool.end());
  return pool;
}

/** A recorder that does nothing by itself for an hour, stopped after the test. */
export function newRecorder(
  folder: SpoolFolder,
  spool: Spool,
  options: Pick<UsageRecorderOptions, 'record'> & Partial<UsageRecorderOptions>,
): UsageRecorder {
  const recorder = createUsageRecorder({ spool, flushMs: 7_200_000, log: folder.log, ...options });
  onTestFinished(async () => {
    await recorder.stop({ deadlineMs: 0 });
  });
  return recorder;
}

/** `real`, with a record of its batch sizes, which fails with the code that `fail` returns. */
export function noting(
  real: RecordUsage,
  fail: (events: UsageEvent[]) => string | null = () => null,
): { sizes: number[]; record: RecordUsage } {
  const sizes: number[] = [];
  const record: RecordUsage = async (events, signal) => {
    sizes.push(events.length);
    const code = fail(events);
    if (code !== null) throw Object.assign(new Error('refused by the test'), { code });
    return real(events, signal);
  };
  return { sizes, record };
}

/** The id of a new key of a new user. */
export async function newApiKeyId(sql: postgres.Sql): Promise<string> {
  const key = await seedKey(sql, (await newUser()).id);
  return key.id;
}

/** The ids of a key's recorded events, sorted. */
export async function recordedIds(sql: postgres.Sql, apiKeyId: string): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select event_id as id from proxy_private.proxy_usage_events where api_key_id = ${apiKeyId}`;
  return rows.map(({ id }) => id).sort();
}

/** Expects exactly these events of a key to be recorded, and its rollups to count each once. */
export async function expectRecordedOnce(
  sql: postgres.Sql,
  apiKeyId: string,
  events: Pick<UsageEvent, 'eventId'>[],
): Promise<void> {
  expect(await recordedIds(sql, apiKeyId)).toEqual(events.map(({ eventId }) => eventId).sort());
  const rollups = await readRollups(sql, apiKeyId, 'month');
  expect(rollups.reduce((sum, { requests }) => sum + Number(requests), 0)).toBe(events.length);
  expect(await findDrift(sql, [apiKeyId])).toEqual([]);
}
