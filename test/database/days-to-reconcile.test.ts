import postgres from 'postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { forgetUsage } from '../../scripts/stack/forget-usage.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { findDrift, recordUsage, usageEvent } from '../support/usage-events.ts';
import { dayFromNow } from '../support/usage-scenes.ts';
import { fillDay } from './old-usage.ts';

let database: OwnDatabase;
let sql: postgres.Sql;
let id: string;
const old = dayFromNow(-5);
const [yesterday, today] = [dayFromNow(-1), dayFromNow(0)];

beforeAll(async () => {
  database = await startOwnDatabase();
  sql = database.sql;
  id = (await database.newKeys(1))[0]?.id ?? '';
  await forgetUsage(sql);
  await fillDay(sql, id, old, 3);
});
afterAll(() => database.stop());

/** The days that a nightly run checks. */
async function reconcile(): Promise<string[]> {
  const rows = await sql<{ day: string }[]>`
    select day::text from proxy_private.maintain_usage(tasks => '{reconcile}')`;
  return rows.map(({ day }) => day);
}

/** Waits until the statistics include the changes of every connection. */
async function untilCounted(changes: number): Promise<void> {
  for (;;) {
    const [row] = await sql`select changes::integer from proxy_private.check_of_usage_day(${old})`;
    if (row?.changes === changes) return;
  }
}

it('a past day is checked once; yesterday and today are checked every night', async () => {
  await untilCounted(3);
  expect(await reconcile()).toEqual([old, yesterday, today]);
  expect(await reconcile()).toEqual([yesterday, today]);
});

it('a late report causes one more check of its day', async () => {
  const tunnel = usageEvent(id, { occurredAt: `${old}T00:00:00Z` });
  await recordUsage(database.gateway, [tunnel]);
  await untilCounted(4);
  expect(await reconcile()).toEqual([old, yesterday, today]);
  await recordUsage(database.gateway, [{ ...tunnel, bytesSent: 200 }]);
  await untilCounted(5);
  expect(await reconcile()).toEqual([old, yesterday, today]);
  expect(await reconcile()).toEqual([yesterday, today]);
});

it('rows that an operator deletes are repaired on the next night', async () => {
  await sql`
    delete from proxy_private.proxy_usage_events where api_key_id = ${id} and method = 'CONNECT'
      and occurred_at > ${old}::date + interval '1 hour' and occurred_at < ${old}::date + 1`;
  await untilCounted(8);
  expect(await findDrift(sql, [id])).not.toEqual([]);
  expect(await reconcile()).toContain(old);
  expect(await findDrift(sql, [id])).toEqual([]);
});

it('a repeated batch causes no check', async () => {
  const event = usageEvent(id, { occurredAt: `${old}T00:00:00Z` });
  await recordUsage(database.gateway, [event]);
  await untilCounted(9);
  await reconcile();
  expect(await recordUsage(database.gateway, [event])).toMatchObject({ repeated: 1 });
  expect(await reconcile()).toEqual([yesterday, today]);
});

it('after the statistics are reset, or with statistics off, all days are checked', async () => {
  const owner = postgres(
    Object.assign(new URL(database.dbUrl), { username: 'supabase_admin' }).href,
    {
      max: 1,
    },
  );
  await owner`select pg_stat_reset()`;
  expect(await reconcile()).toContain(old);
  expect(await reconcile()).toEqual([yesterday, today]);
  await owner`alter database postgres set track_counts = off`;
  const untracked = postgres(database.dbUrl, { max: 1 });
  const [row] = await untracked`
    select array(select d::text from proxy_private.usage_days_to_check() as d) as days`;
  expect(row?.days).toContain(old);
  await owner`alter database postgres reset track_counts`;
  await Promise.all([owner.end(), untracked.end()]);
});
