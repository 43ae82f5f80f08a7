import type postgres from 'postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { findDrift, recordUsage } from '../support/usage-events.ts';
import { monthFromNow } from '../support/usage-scenes.ts';

const batchSize = 100;
const batches = 100;
const connections = 8;
const thisMonth = monthFromNow(0);
const lastMonth = monthFromNow(-1);

let database: OwnDatabase;
let sql: postgres.Sql;
let keys: string[];

beforeAll(async () => {
  database = await startOwnDatabase();
  sql = database.sql;
  keys = (await database.newKeys(200)).map(({ id }) => id);
});

afterAll(() => database.stop());

const [begins, ends, now] = [Date.parse(lastMonth), Date.parse(thisMonth), Date.now()];

/** A pseudorandom number in 0 … 1, the same each time. */
function noise(index: number, salt: number): number {
  let h = Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(salt + 1, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return ((h ^ (h >>> 15)) >>> 0) / 2 ** 32;
}

/** The event with that number, in one of two months; most belong to a few keys. */
function event(index: number) {
  const at =
    index % 2 === 0
      ? begins + noise(index, 1) * (ends - begins - 1)
      : ends + noise(index, 1) * (now - ends);
  return {
    eventId: `00000000-0000-7000-8000-${index.toString(16).padStart(12, '0')}`,
    apiKeyId: keys[Math.floor(noise(index, 2) ** 3 * keys.length)],
    occurredAt: new Date(at).toISOString(),
    targetHost: 'shop.example.com',
    method: 'CONNECT',
    statusCode: 200,
    bytesSent: Math.floor(noise(index, 3) * 10_000),
    bytesReceived: Math.floor(noise(index, 4) * 1_000_000),
    durationMs: 250,
    servedByNodeId: 'node-1',
    count: index % 10 === 3 ? 0 : 1,
  };
}

const batch = (from: number) => Array.from({ length: batchSize }, (_, n) => event(from + n));

/** Sends the batches that start at these events over all connections, with `beside` after each. */
async function send(
  firsts: number[],
  beside: (sent: number) => Promise<void> = async () => {},
): Promise<{ recorded: number; repeated: number }> {
  const total = { recorded: 0, repeated: 0 };
  const waiting = [...firsts];
  let sent = 0;
  const worker = async () => {
    for (let first = waiting.shift(); first !== undefined; first = waiting.shift()) {
      const { recorded, repeated, rejected } = await recordUsage(database.gateway, batch(first));
      expect(rejected).toEqual([]);
      total.recorded += recorded;
      total.repeated += repeated;
      sent += 1;
      await beside(sent);
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  return total;
}

interface Correction {
  rollup: string;
  key: string;
  found: string;
  requests: number;
  sent: number;
  received: number;
  lastUseMoves: boolean;
}

async function reconcile(month: string): Promise<Correction[]> {
  const rows = await sql<Correction[]>`
    select
      rollup, api_key_id as key, found, requests::integer, bytes_sent::integer as sent,
      bytes_received::integer as received,
      coalesce(kept_last_used_at <> last_used_at, false) as "lastUseMoves"
    from proxy_private.reconcile_usage(variadic array(
      select d::date
      from generate_series(
        ${month}::date, ${month}::date + interval '1 month - 1 day', interval '1 day'
      ) as d
    ))`;
  return [...rows];
}

/** The sums of the events numbered below `count`, by month. */
function expectedTotals(count: number) {
  const totals = [lastMonth, thisMonth].map((month) => ({
    month,
    requests: 0,
    sent: 0,
    received: 0,
  }));
  for (let index = 0; index < count; index += 1) {
    const { count, bytesSent, bytesReceived } = event(index);
    const total = totals[index % 2];
    if (!total) continue;
    total.requests += count;
    total.sent += bytesSent;
    total.received += bytesReceived;
  }
  return totals;
}

const readTotals = (table: 'hourly' | 'monthly') =>
  sql.unsafe(
    `select
       to_char(date_trunc('month', ${table === 'hourly' ? "hour at time zone 'UTC'" : 'month'}),
         'YYYY-MM-DD') as month,
       sum(requests)::float8 as requests, sum(bytes_sent)::float8 as sent,
       sum(bytes_received)::float8 as received
     from proxy_private.proxy_usage_${table} where api_key_id = any($1) group by 1 order by 1`,
    [keys],
  );

it('ten thousand events with repeats over 8 connections cause no drift while they are reconciled', async () => {
  // each fifth batch twice, and each tenth with half of the next, concurrently with the originals
  const firsts = Array.from({ length: batches }, (_, n) => n * batchSize).flatMap((first, n) => [
    first,
    ...(n % 5 === 2 ? [first] : []),
    ...(n % 10 === 4 ? [first + batchSize / 2] : []),
  ]);
  let reconciled = 0;
  const total = await send(firsts, async (sent) => {
    if (sent % 16 !== 0) return;
    reconciled += 1;
    // the other seven connections keep recording
    expect(await reconcile(reconciled % 2 === 0 ? lastMonth : thisMonth)).toEqual([]);
  });

  expect(reconciled).toBe(8);
  expect(total).toEqual({
    recorded: batches * batchSize,
    repeated: (firsts.length - batches) * batchSize,
  });
  expect(await findDrift(sql, keys)).toEqual([]);
  const expected = expectedTotals(batches * batchSize);
  expect([...(await readTotals('monthly'))]).toEqual(expected);
  expect([...(await readTotals('hourly'))]).toEqual(expected);
  for (const month of [lastMonth, thisMonth]) expect(await reconcile(month)).toEqual([]);
});

it('drift that is introduced among them is found exactly and repaired, while more events arrive', async () => {
  const none = { requests: 0, sent: 0, received: 0, lastUseMoves: false };
  const [unused] = await database.newKeys(1);
  const [a, b, c, d] = keys.slice(100) as [string, string, string, string];
  const month = { rollup: 'monthly', ...none };
  const hour = { rollup: 'hourly', ...none };
  const drifts: [statement: string, key: string, found: Partial<Correction>][] = [
    ['update monthly set bytes_sent = bytes_sent + 5', a, { ...month, sent: -5 }],
    ['update monthly set bytes_received = bytes_received - 6', b, { ...month, received: 6 }],
    [
      "update monthly set last_used_at = last_used_at + interval '1 year'",
      c,
      { lastUseMoves: true },
    ],
    [
      "update monthly set last_used_at = last_used_at - interval '1 day'",
      d,
      { lastUseMoves: true },
    ],
    ['update hourly set requests = requests + 1', a, { ...hour, requests: -1 }],
    ['update hourly set bytes_sent = bytes_sent - 8', b, { ...hour, sent: 8 }],
    ['delete from hourly', c, { rollup: 'hourly', found: 'missing' }],
  ];
  for (const [statement, key] of drifts) {
    const [table, period, where] = statement.includes('monthly')
      ? ['monthly', 'month', `month = '${lastMonth}'`]
      : ['hourly', 'hour', `hour < timestamptz '${thisMonth} 00:00:00+00'`];
    await sql.unsafe(
      `${statement.replace(table, `proxy_private.proxy_usage_${table}`)}
       where (api_key_id, ${period}) = (
         select api_key_id, ${period} from proxy_private.proxy_usage_${table}
         where api_key_id = $1 and ${where} order by ${period} limit 1
       )`,
      [key],
    );
  }
  await sql`
    insert into proxy_private.proxy_usage_monthly
    values (${unused?.id ?? ''}, ${lastMonth}, null, 1, 2, 3, now())`;

  const more = send([batches * batchSize, (batches + 1) * batchSize]);
  const found = await reconcile(lastMonth);
  await more;
  expect(found).toHaveLength(drifts.length + 1);
  expect(found).toEqual(
    expect.arrayContaining([
      ...drifts.map(([, key, part]) => expect.objectContaining({ key, ...part })),
      { ...month, key: unused?.id, found: 'surplus', requests: -1, sent: -2, received: -3 },
    ]),
  );
  expect(await reconcile(lastMonth)).toEqual([]);
  expect(await reconcile(thisMonth)).toEqual([]);
  expect(await findDrift(sql, [a, b, c, d, unused?.id ?? ''])).toEqual([]);
  const expected = expectedTotals((batches + 2) * batchSize);
  expect([...(await readTotals('monthly'))]).toEqual(expected);
  expect([...(await readTotals('hourly'))]).toEqual(expected);
});
