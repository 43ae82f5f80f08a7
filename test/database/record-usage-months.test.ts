import postgres from 'postgres';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { connectOwner, newUser } from '../support/personas.ts';
import { seedKey } from '../support/seeded-keys.ts';
import { findDrift, readRollups, recordUsage, usageEvent } from '../support/usage-events.ts';

const stack = inject('stack');
const sql = connectOwner();
let ownerId: string;

beforeAll(async () => {
  ownerId = (await newUser()).id;
});
afterAll(() => sql.end());

const now = new Date();
const thisMonth = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth())).toISOString();
const firstDay = thisMonth.slice(0, 10);
const lastDay = new Date(Date.parse(thisMonth) - 1).toISOString().slice(0, 10);
/** `2026-11` of an ISO time. */
const monthOf = (time: string) => time.slice(0, 7);

it.each(['UTC', 'Pacific/Kiritimati', 'America/Los_Angeles', 'Asia/Kolkata'])(
  'a month and its days end with the last UTC microsecond, also if the session is in %s',
  async (timeZone) => {
    const gateway = postgres(stack.gatewayDbUrl, { max: 1, connection: { TimeZone: timeZone } });
    const [setting] = await gateway`show timezone`;
    expect(setting?.TimeZone).toBe(timeZone);
    const key = await seedKey(sql, ownerId);
    const id = key.id;
    const ended = [`${lastDay}T23:59:59Z`, `${lastDay}T23:59:59.999999Z`];
    const current = [
      thisMonth,
      thisMonth.replace('.000Z', '.000001Z'),
      // the same microsecond in another time zone
      thisMonth.replace('T00:00:00.000Z', 'T05:30:00.000001+05:30'),
    ];
    const events = [...ended, ...current].map((occurredAt) => usageEvent(id, { occurredAt }));
    const outcome = await recordUsage(gateway, events);
    await gateway.end();

    expect(outcome).toEqual({ recorded: 5, repeated: 0, rejected: [] });
    const counted = (rollups: Awaited<ReturnType<typeof readRollups>>) =>
      rollups.map(({ period, requests, bytesReceived }) => [period, requests, bytesReceived]);
    expect(counted(await readRollups(sql, id, 'month'))).toEqual([
      [`${monthOf(lastDay)}-01`, '2', '2000'],
      [`${monthOf(thisMonth)}-01`, '3', '3000'],
    ]);
    expect(counted(await readRollups(sql, id, 'hour'))).toEqual([
      [`${lastDay} 23:00`, '2', '2000'],
      [`${monthOf(thisMonth)}-01 00:00`, '3', '3000'],
    ]);
    const placed = await sql<{ day: string; count: number }[]>`
      select d as day, count(*)::integer
      from unnest(array[${lastDay}, ${firstDay}]) as d
      join proxy_private.proxy_usage_events as e
        on e.tableoid = coalesce(
          proxy_private.usage_partition(d::date), 'proxy_private.proxy_usage_events_default'::regclass
        ) and (e.occurred_at at time zone 'UTC')::date = d::date
      where e.api_key_id = ${id} group by 1 order by 1`;
    expect(placed).toEqual([
      { day: lastDay, count: 2 },
      { day: firstDay, count: 3 },
    ]);
    expect(await findDrift(sql, [id])).toEqual([]);
  },
);
