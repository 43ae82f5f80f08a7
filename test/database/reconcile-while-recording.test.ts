import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectAlone, untilBlocked } from '../support/connect-alone.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { endOf, findDrift, recordUsage, usageEvent } from '../support/usage-events.ts';
import { newScene, reconcileUsage } from './usage-corrections.ts';

let database: OwnDatabase;
let sql: postgres.Sql;

beforeAll(async () => {
  database = await startOwnDatabase();
  sql = database.sql;
});

afterAll(() => database.stop());

it('two concurrent repairs repair once', async () => {
  const { id, day } = await newScene(database);
  await sql`update proxy_private.proxy_usage_monthly set bytes_sent = 0 where api_key_id = ${id}`;
  const [first, second] = [await connectAlone(database.dbUrl), await connectAlone(database.dbUrl)];
  await first`begin`;
  expect(await reconcileUsage(first, day)).toHaveLength(1);
  const other = reconcileUsage(second, day);
  await untilBlocked(sql, second.pid, [first.pid]);
  await first`commit`;
  expect(await other).toEqual([]);
  expect(await findDrift(sql, [id])).toEqual([]);
});

describe('an event that is recorded between the comparison and the repair', () => {
  const now = new Date().toISOString();
  const drifts: [name: string, statement: string][] = [
    [
      'figures',
      `update proxy_private.proxy_usage_monthly set bytes_sent = 7 where api_key_id = $1;
       update proxy_private.proxy_usage_hourly set bytes_sent = 9 where api_key_id = $1`,
    ],
    [
      'a last use that is too late',
      `update proxy_private.proxy_usage_monthly set last_used_at = 'infinity' where api_key_id = $1;
       update proxy_private.proxy_usage_hourly set requests = 5 where api_key_id = $1`,
    ],
    [
      'surplus rows',
      `delete from proxy_private.proxy_usage_events where api_key_id = $1;
       update proxy_private.proxy_usage_monthly set bytes_sent = 0 where api_key_id = $1`,
    ],
  ];
  const scenes = drifts.flatMap(([drift, statement]) =>
    (['hourly', 'monthly'] as const).flatMap((table) =>
      (['reconciling', 'recording'] as const).map(
        (first) => [drift, table, first, statement] as const,
      ),
    ),
  );

  it.each(scenes)(
    'counts despite %s, when the %s row is locked and %s waits first',
    async (_drift, table, first, statement) => {
      const [key] = await database.newKeys(1);
      const id = key?.id ?? '';
      await recordUsage(database.gateway, [usageEvent(id, { occurredAt: now })]);
      for (const part of statement.split(';')) await sql.unsafe(part, [id]);
      const [holding, reconciling, recording] = [
        await connectAlone(database.dbUrl),
        await connectAlone(database.dbUrl),
        await connectAlone(database.gatewayDbUrl),
      ];
      const late = usageEvent(id, {
        occurredAt: new Date(Date.parse(now) + 1).toISOString(),
        bytesSent: 0,
        bytesReceived: 0,
        count: 0,
      });
      const run = {
        reconciling: () => reconcileUsage(reconciling, now.slice(0, 10)),
        recording: () => recordUsage(recording, [late]),
      };
      const pids = { reconciling: reconciling.pid, recording: recording.pid };
      const second = first === 'recording' ? 'reconciling' : 'recording';

      await holding`begin`;
      await holding.unsafe(
        `select from proxy_private.proxy_usage_${table} where api_key_id = $1 for update`,
        [id],
      );
      const running: Promise<unknown>[] = [run[first]()];
      await untilBlocked(sql, pids[first], [holding.pid]);
      running.push(run[second]());
      await untilBlocked(sql, pids[second], [holding.pid, pids[first]]);
      await holding`commit`;
      await Promise.all(running);

      expect(await findDrift(sql, [id])).toEqual([]);
      expect(await reconcileUsage(sql, now.slice(0, 10))).toEqual([]);
      const [row] = await sql`
      select last_used_at from proxy_private.proxy_usage_monthly where api_key_id = ${id}`;
      expect(row?.last_used_at).toEqual(new Date(endOf(late)));
    },
  );
});
