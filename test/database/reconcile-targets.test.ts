import type postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { forgetUsage } from '../../scripts/stack/forget-usage.ts';
import { connectAlone, untilBlocked } from '../support/connect-alone.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { seedKey } from '../support/seeded-keys.ts';
import { findTargetDrift, readOutcomes, readTargets } from '../support/target-rollups.ts';
import { recordUsage, usageEvent } from '../support/usage-events.ts';

let database: OwnDatabase;
let sql: postgres.Sql;
let id: string;
/** The keys of the owner. */
let ids: string[];
let owner: string;

beforeAll(async () => {
  database = await startOwnDatabase();
  sql = database.sql;
  await forgetUsage(sql);
});
afterAll(() => database.stop());

const dayMs = 86_400_000;
const today = () => new Date().toISOString().slice(0, 10);
const none = { bytesSent: 0, bytesReceived: 0 };

beforeEach(async () => {
  await forgetUsage(sql);
  const [key] = await database.newKeys(1);
  id = key?.id ?? '';
  ids = [id];
  const [row] = await sql`select user_id from proxy_private.proxy_keys where id = ${id}`;
  owner = String(row?.user_id);
});
afterEach(async () => {
  expect(await findTargetDrift(sql, ids, [owner])).toEqual([]);
});

const record = (...events: object[]) => recordUsage(database.gateway, events);
const site = { targetHost: 'www.example.com', targetSite: 'example.com' };

async function reconcile(connection: postgres.Sql = sql) {
  const rows = await connection`
    select rollup, part, found, requests::integer, errors::integer, bytes_sent::integer as sent,
      billed_bytes::integer as billed, api_key_id = ${id} as "ofKey"
    from proxy_private.reconcile_usage(${today()}) where rollup in ('target', 'outcome')`;
  return [...rows];
}

describe('a rollup with drift', () => {
  beforeEach(() =>
    record(
      usageEvent(id, site),
      usageEvent(id, { ...site, ...none, code: 'target_timeout' }),
      usageEvent(id, { ...site, ...none, code: 'rate_limited', count: 3 }),
    ),
  );

  it('is not found if everything is as recorded', async () => {
    expect(await reconcile()).toEqual([]);
  });

  it.each([
    [
      'figures of a target',
      `update proxy_private.proxy_usage_targets set bytes_sent = 7, errors = 5 where subject = $1`,
      [
        {
          rollup: 'target',
          part: 'host 11 www.example.com',
          found: 'different',
          errors: -4,
          sent: 93,
        },
      ],
    ],
    [
      'the billed bytes of a target',
      `update proxy_private.proxy_usage_targets set billed_bytes = 5 where subject = $1`,
      [{ rollup: 'target', found: 'different', requests: 0, sent: 0, billed: 1_095 }],
    ],
    [
      'the billed bytes of an outcome',
      `update proxy_private.proxy_usage_outcomes set billed_bytes = 2000 where subject = $1 and outcome = 'ok'`,
      [{ rollup: 'outcome', found: 'different', requests: 0, sent: 0, billed: -900 }],
    ],
    [
      'a missing target',
      `delete from proxy_private.proxy_usage_targets where subject = $1`,
      [
        {
          rollup: 'target',
          part: 'new 11 www.example.com',
          found: 'missing',
          requests: 2,
          errors: 1,
        },
      ],
    ],
    [
      'a surplus target',
      `insert into proxy_private.proxy_usage_targets
       select subject, day, kind, null, 1, 1, 1, 1, 2, 'a host: with spaces' from proxy_private.proxy_usage_targets
       where subject = $1`,
      [{ rollup: 'target', part: 'host 0 a host: with spaces', found: 'surplus', requests: -1 }],
    ],
    [
      'figures of an outcome',
      `update proxy_private.proxy_usage_outcomes set requests = 1 where subject = $1 and outcome = 'rate_limited'`,
      [{ rollup: 'outcome', part: 'rate_limited', found: 'different', requests: 2 }],
    ],
    [
      'a missing outcome',
      `delete from proxy_private.proxy_usage_outcomes where subject = $1 and outcome = 'ok'`,
      [{ rollup: 'outcome', part: 'ok', found: 'missing', requests: 1, sent: 100 }],
    ],
    [
      'a surplus outcome',
      `insert into proxy_private.proxy_usage_outcomes
       select distinct subject, hour, 4, 0, 0, 0, 'internal' from proxy_private.proxy_usage_outcomes
       where subject = $1`,
      [{ rollup: 'outcome', part: 'internal', found: 'surplus', requests: -4 }],
    ],
  ])('is repaired: %s', async (_, statement, expected) => {
    for (const [subject, ofKey] of [
      [id, true],
      [owner, false],
    ] as const) {
      await sql.unsafe(statement, [subject]);
      const found = await reconcile();
      expect(found).toMatchObject(expected.map((row) => ({ ...row, ofKey })));
      expect(found).toHaveLength(expected.length);
      expect(await reconcile()).toEqual([]);
    }
    // readers and the check after this test treat the empty rows of a repair as absent
    await sql`delete from proxy_private.proxy_usage_targets where (requests, bytes_sent) = (0, 0)`;
  });
});

it("a test key's usage stays unbilled after a repair", async () => {
  const test = await seedKey(sql, owner, { liveMode: false });
  ids.push(test.id);
  await record(usageEvent(id, site), usageEvent(test.id, site));
  expect(await reconcile()).toEqual([]);
  await sql`delete from proxy_private.proxy_usage_targets`;
  await sql`delete from proxy_private.proxy_usage_outcomes`;
  const billed = (await reconcile()).map((row) => [row.rollup, row.sent, row.billed]);
  expect(billed.toSorted()).toEqual(
    ['outcome', 'target'].flatMap((rollup) => [
      [rollup, 100, 0],
      [rollup, 100, 1_100],
      [rollup, 200, 1_100],
    ]),
  );
});

it('a host counts in the same row after a repair, also beyond 1,000 hosts', async () => {
  const events = Array.from({ length: 2_100 }, (_, n) =>
    usageEvent(id, { targetHost: `www.s-${n}.example`, targetSite: `s-${n}.example` }),
  );
  await record(...events);
  const before = await readTargets(sql, id);
  expect(await reconcile()).toEqual([]);
  await sql`update proxy_private.proxy_usage_targets set bytes_received = bytes_received + kind * 10`;
  const found = await reconcile();
  expect(found).toHaveLength(2 * 1_001);
  expect(new Set(found.map(({ part }) => String(part).split(' ')[0]))).toEqual(
    new Set(['site', 'other']),
  );
  expect(await readTargets(sql, id)).toEqual(before);
});

it.each(['reconciling', 'recording'] as const)(
  'an event recorded between the comparison and the repair counts too: %s waits first',
  async (first) => {
    await record(usageEvent(id, site));
    await sql`update proxy_private.proxy_usage_targets set bytes_sent = 7`;
    await sql`update proxy_private.proxy_usage_outcomes set bytes_sent = 9`;
    const [holding, reconciling, recording] = [
      await connectAlone(database.dbUrl),
      await connectAlone(database.dbUrl),
      await connectAlone(database.gatewayDbUrl),
    ];
    await holding`begin`;
    await holding`select from proxy_private.proxy_usage_targets where subject = ${id} for update`;
    const run = {
      reconciling: () => reconcile(reconciling) as Promise<unknown>,
      recording: () => recordUsage(recording, [usageEvent(id, site)]) as Promise<unknown>,
    };
    const pids = { reconciling: reconciling.pid, recording: recording.pid };
    const second = first === 'reconciling' ? 'recording' : 'reconciling';
    const one = run[first]();
    await untilBlocked(sql, pids[first], [holding.pid]);
    const other = run[second]();
    await untilBlocked(sql, pids[second], [holding.pid, pids[first]]);
    await holding`commit`;
    await Promise.all([one, other]);
    expect(await reconcile()).toEqual([]);
  },
);

describe('days older than the kept targets', () => {
  const daysAgo = (days: number) => ({
    occurredAt: new Date(Date.now() - days * dayMs).toISOString(),
  });
  const keep = (days: number) =>
    sql`update proxy_private.maintenance_settings set keep_targets_days = ${days}`;
  const daysOf = async (subject: string) => {
    const rows = await sql`
      select day::text from proxy_private.proxy_usage_targets where subject = ${subject}
      union select (hour at time zone 'UTC')::date::text from proxy_private.proxy_usage_outcomes
      where subject = ${subject} order by 1`;
    return rows.map(({ day }) => day as string);
  };
  const day = (days: number) => daysAgo(days).occurredAt.slice(0, 10);
  const forgetEventsBefore = (days: number) =>
    sql`delete from proxy_private.proxy_usage_events where occurred_at < ${day(days)}`;

  afterEach(async () => {
    await keep(90);
  });

  it('are recorded only as events', async () => {
    await keep(3);
    expect(await record(...[4, 3].map((days) => usageEvent(id, daysAgo(days))))).toMatchObject({
      recorded: 2,
    });
    expect(await daysOf(id)).toEqual([day(3)]);
    const [drift] =
      await sql`select count(*)::integer as rows from proxy_private.usage_drift(${day(4)})`;
    expect(drift).toEqual({ rows: 0 });
    await forgetEventsBefore(3);
  });

  it('are deleted by the nightly job; other days stay', async () => {
    await record(...[80, 30, 4, 3, 0].map((days) => usageEvent(id, daysAgo(days))));
    await keep(3);
    const reports =
      await sql`select outcome, detail from proxy_private.maintain_usage('{retention}')`;
    expect(reports).toContainEqual({
      outcome: 'dropped',
      detail: expect.stringMatching(/^18 rows /),
    });
    expect(await daysOf(id)).toEqual([day(3), day(0)]);
    expect(await daysOf(owner)).toEqual([day(3), day(0)]);
    await forgetEventsBefore(3);
  });

  it('are deleted in batches of at most the given number of rows', async () => {
    await record(...[80, 30].map((days) => usageEvent(id, daysAgo(days))));
    await keep(3);
    const [first] = await sql`select proxy_private.drop_old_targets(7)::integer as rows`;
    const [second] = await sql`select proxy_private.drop_old_targets()::integer as rows`;
    expect([first?.rows, second?.rows]).toEqual([7, 5]);
    expect(await daysOf(id)).toEqual([]);
    await forgetEventsBefore(3);
  });

  it.each([2, 36_501])('cannot be set to %s', async (days) => {
    await expect(keep(days)).rejects.toMatchObject({ code: '23514' });
  });
});

it('the sums of a removed account stay as they are', async () => {
  const [gone] = await database.newKeys(1);
  const goneId = gone?.id ?? '';
  await record(usageEvent(goneId, site));
  const [key] = await sql`select user_id from proxy_private.proxy_keys where id = ${goneId}`;
  const userId = String(key?.user_id);
  await sql`delete from auth.users where id = ${userId}`;
  expect(await reconcile()).toEqual([]);
  expect(await readTargets(sql, userId)).toHaveLength(1);
  expect(await readOutcomes(sql, userId)).toHaveLength(1);
  // the key's own sums continue
  await record(usageEvent(goneId, site));
  expect(await readTargets(sql, goneId)).toMatchObject([{ requests: 2 }]);
  expect(await readTargets(sql, userId)).toMatchObject([{ requests: 1 }]);
});
