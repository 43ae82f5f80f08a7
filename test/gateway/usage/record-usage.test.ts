import { afterAll, expect, inject, it } from 'vitest';
import { recordUsageWith } from '../../../gateway/usage/record-usage.ts';
import { startTcpProxy } from '../../support/gateway/tcp-proxy.ts';
import { connectOwner } from '../../support/personas.ts';
import { until } from '../../support/stack/start-command.ts';
import { expectRecordedOnce, newApiKeyId, newPool, newRecorder } from './recorded-usage.ts';
import { newEvent, newEvents } from './spool-events.ts';
import { newSpoolFolder } from './spool-folder.ts';

const sql = connectOwner();
afterAll(() => sql.end());
const { signal } = new AbortController();
const databaseUrl = inject('stack').gatewayDbUrl;

/** The backends of an application that wait for a lock. */
async function waitingBackends(application: string): Promise<number[]> {
  const rows = await sql<{ pid: number }[]>`
    select pid from pg_stat_activity
    where application_name = ${application} and wait_event_type = 'Lock'`;
  return rows.map(({ pid }) => pid);
}

/** Blocks record_usage while `act` runs. */
async function whileLocked(act: () => Promise<void>): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction`lock table proxy_private.proxy_usage_events in share row exclusive mode`;
    await act();
  });
}

it('returns how many events are new, repeated and rejected', async () => {
  const apiKeyId = await newApiKeyId(sql);
  const record = recordUsageWith(newPool());
  const events = newEvents(3, { apiKeyId });
  const stray = newEvent({ apiKeyId: crypto.randomUUID() });
  await record(events.slice(0, 1), signal);
  expect(await record([...events, stray], signal)).toEqual({
    recorded: 2,
    repeated: 1,
    rejected: [{ index: 3, eventId: stray.eventId, reason: 'unknown_key' }],
  });
  await expectRecordedOnce(sql, apiKeyId, events);
});

it('prepares its statement once per connection, and keeps a connection after a refused batch', async () => {
  const apiKeyId = await newApiKeyId(sql);
  const pool = newPool();
  const record = recordUsageWith(pool);
  const spoiled = newEvent({ apiKeyId, targetHost: 'nul\u0000' });
  const pids: unknown[] = [];
  for (const events of [newEvents(1, { apiKeyId }), [spoiled], newEvents(1, { apiKeyId })]) {
    await record(events, signal).catch((error) => expect(error).toMatchObject({ code: '22P05' }));
    const { rows } = await pool.query(`
      select pg_backend_pid() as pid, count(*)::integer as statements
      from pg_prepared_statements where name = 'record_usage'`);
    pids.push(...rows);
  }
  const { pid } = pids[0] as { pid: number };
  expect(pids).toEqual(Array(3).fill({ pid, statements: 1 }));
});

it('gives up a connection in a black hole, and uses another one afterwards', async () => {
  const apiKeyId = await newApiKeyId(sql);
  const proxy = await startTcpProxy(databaseUrl);
  const pool = newPool({ connectionString: proxy.through(databaseUrl) });
  const record = recordUsageWith(pool, { timeoutMs: 200 });
  // without the short timeout
  const patient = recordUsageWith(pool);
  const events = newEvents(2, { apiKeyId });
  await patient(events.slice(0, 1), signal);
  proxy.blackHole();
  await expect(record(events, signal)).rejects.toMatchObject({ name: 'RecordTimedOut' });
  expect(pool.totalCount).toBe(0);
  proxy.restore();
  await patient(events, signal);
  await expectRecordedOnce(sql, apiKeyId, events);
  await pool.query('select 1');
  await proxy.close();
});

it('never reuses a connection that the database closed during a call', async () => {
  const apiKeyId = await newApiKeyId(sql);
  const pool = newPool({ application_name: 'ended-while-waiting' });
  const record = recordUsageWith(pool);
  const events = newEvents(2, { apiKeyId });
  // the error may arrive before the close, or with it
  for (let round = 0; round < 10; round += 1) {
    await whileLocked(async () => {
      const recording = expect(record(events, signal)).rejects.toMatchObject({ code: '57P01' });
      await until(async () => (await waitingBackends('ended-while-waiting')).length === 1);
      await sql`
        select pg_terminate_backend(pid) from unnest(
          ${await waitingBackends('ended-while-waiting')}::integer[]
        ) as pid`;
      await recording;
    });
    await record(events, signal);
  }
  await expectRecordedOnce(sql, apiKeyId, events);
});

it('rejects, without other damage, if its connection is reset during a call', async () => {
  const apiKeyId = await newApiKeyId(sql);
  const proxy = await startTcpProxy(databaseUrl);
  const pool = newPool({
    connectionString: proxy.through(databaseUrl),
    application_name: 'reset-while-waiting',
  });
  const record = recordUsageWith(pool);
  const events = newEvents(2, { apiKeyId });
  await whileLocked(async () => {
    const recording = expect(record(events, signal)).rejects.toThrow();
    await until(async () => (await waitingBackends('reset-while-waiting')).length === 1);
    proxy.cut();
    await recording;
  });
  proxy.restore();
  await record(events, signal);
  await expectRecordedOnce(sql, apiKeyId, events);
  await proxy.close();
});

it('rejects at once when it is aborted, and leaves no connection open', async () => {
  const apiKeyId = await newApiKeyId(sql);
  const pool = newPool({ application_name: 'aborted' });
  const record = recordUsageWith(pool, { timeoutMs: 3_600_000 });
  const events = newEvents(2, { apiKeyId });
  const abort = new AbortController();
  await whileLocked(async () => {
    const recording = expect(record(events, abort.signal)).rejects.toThrow();
    await until(async () => (await waitingBackends('aborted')).length === 1);
    abort.abort();
    await recording;
    expect(pool.totalCount).toBe(0);
  });
  await expect(record(events, abort.signal)).rejects.toMatchObject({ name: 'AbortError' });
  // the database may have finished the call
  await record(events, signal);
  await expectRecordedOnce(sql, apiKeyId, events);
});

it('stops with the recorder, even if the database blocks', async () => {
  const folder = newSpoolFolder();
  const apiKeyId = await newApiKeyId(sql);
  const spool = await folder.open();
  const event = newEvent({ apiKeyId });
  await spool.append(event);
  const pool = newPool({ application_name: 'stopped' });
  const record = recordUsageWith(pool, { timeoutMs: 3_600_000 });
  const recorder = newRecorder(folder, spool, { record });
  await whileLocked(async () => {
    void recorder.flush();
    await until(async () => (await waitingBackends('stopped')).length === 1);
    expect(await recorder.stop({ deadlineMs: 1 })).toBe(false);
    await until(() => pool.totalCount === 0);
  });
  expect(spool.pendingRecords).toBe(1);
  const next = newRecorder(folder, spool, { record: recordUsageWith(newPool()) });
  expect(await next.stop({ deadlineMs: 60_000 })).toBe(true);
  await expectRecordedOnce(sql, apiKeyId, [event]);
});
