import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { connectAlone } from '../support/connect-alone.ts';
import { mintAgedKey } from '../support/key-scenes.ts';
import { connectGateway, connectOwner, newUser, type Persona } from '../support/personas.ts';
import { beginOf, hourMs, period, report } from '../support/usage-scenes.ts';
import { asUser } from './database-role.ts';

const { dbUrl } = inject('stack');
const sql = connectOwner();
const gateway = connectGateway();
let user: Persona;
let id: string;

beforeAll(async () => {
  user = await newUser();
  ({ id } = await mintAgedKey(sql, user));
  // around the start of a month, a day and an hour in UTC, but not in the zones below
  const begins = [beginOf(period(0)), beginOf(period(-1))].flatMap((month) => [
    month.getTime(),
    month.getTime() + 20 * hourMs,
    month.getTime() - 7 * hourMs,
  ]);
  await report(
    gateway,
    id,
    begins
      .flatMap((begin) => [begin - 1, begin, begin + hourMs / 2])
      .filter((at) => at < Date.now())
      .map((at, n) => ({ occurredAt: new Date(at).toISOString(), bytesSent: 10 ** (n % 9) })),
  );
});

afterAll(() => Promise.all([sql.end(), gateway.end()]));

const span = `'${beginOf(period(-1)).toISOString()}', '${beginOf(period(0)).toISOString()}'`;

/** What a user calls; `$1` is the key. */
const calls = [
  `public.proxy_usage_summary()`,
  `public.proxy_usage_summary('${period(-1)}')`,
  `public.proxy_usage_by_key('${period(-1)}')`,
  `public.proxy_usage_by_key('${period(0)}')`,
  `public.proxy_usage_series('day')`,
  `public.proxy_usage_series('day', ${span})`,
  `public.proxy_usage_series('hour', ${span}, '$1')`,
  `public.proxy_usage_targets('${period(-1)}')`,
  `public.proxy_usage_targets("from" => '${beginOf(period(0)).toISOString()}', key_id => '$1')`,
  `public.export_proxy_usage_targets()`,
  `public.proxy_usage_outcomes('${period(-1)}')`,
  `public.proxy_usage_outcomes("interval" => 'hour', key_id => '$1')`,
  `public.export_proxy_usage_outcomes()`,
  `public.list_proxy_key_events('$1', 5)`,
  `public.list_proxy_key_events('$1', "from" => '${beginOf(period(0)).toISOString()}')`,
  `public.export_proxy_key_events('$1')`,
  `public.list_proxy_keys()`,
];

/** The call's answer in a session with these settings; times, which may be in its zone, in UTC. */
async function answer(call: string, settings: Record<string, string>): Promise<unknown> {
  const connection = await connectAlone(dbUrl);
  for (const [name, value] of Object.entries(settings)) {
    await connection`select set_config(${name}, ${value}, false)`;
  }
  const [row] = await asUser(
    connection,
    user.id,
    (transaction) =>
      transaction<{ answer: string }[]>`
        select to_jsonb(a)::text as answer
        from ${transaction.unsafe(call.replace('$1', id))} as a`,
  );
  return JSON.parse(row?.answer ?? 'null', (_, value) =>
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+[+-]\d\d:\d\d$/.test(value)
      ? new Date(value).toISOString()
      : value,
  );
}

describe.each([
  { TimeZone: 'Pacific/Kiritimati' },
  { TimeZone: 'Asia/Kathmandu' },
  { TimeZone: 'America/St_Johns' },
  { TimeZone: 'UTC', DateStyle: 'SQL, DMY', IntervalStyle: 'sql_standard' },
  { TimeZone: 'Europe/Berlin', DateStyle: 'German', extra_float_digits: '0' },
])('in a session with %o', (settings) => {
  it.each(calls)('the answer is the same as in UTC: %s', async (call) => {
    expect(await answer(call, settings)).toEqual(await answer(call, { TimeZone: 'UTC' }));
  });
});
