import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectGateway, connectOwner, newUser, type Persona } from '../support/personas.ts';
import { endOf, findDrift, readRollups, recordUsage, usageEvent } from '../support/usage-events.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
let owner: Persona;
let id: string;
const used: string[] = [];

beforeAll(async () => {
  owner = await newUser();
});
beforeEach(async () => {
  const { data } = await owner.supabase.rpc('mint_proxy_key', { label: 'refused' });
  id = data?.id ?? '';
  used.push(id);
});
afterAll(async () => {
  expect(used).not.toEqual([]);
  expect(await findDrift(sql, used)).toEqual([]);
  const drift = await sql`
    select found from proxy_private.usage_drift(now()::date) where api_key_id = any(${used})`;
  expect([...drift]).toEqual([]);
  await Promise.all([sql.end(), gateway.end()]);
});

/** An event without bytes. */
const failed = (code: string, fields: Record<string, unknown> = {}) =>
  usageEvent(id, { statusCode: 403, bytesSent: 0, bytesReceived: 0, code, ...fields });

async function lastUse(): Promise<string | null | undefined> {
  return (await owner.supabase.rpc('get_proxy_key', { id })).data?.last_used_at;
}

const refusals = ['rate_limited', 'quota_exceeded', 'port_forbidden', 'internal', 'of_tomorrow'];

describe('a refusal is not a request', () => {
  it.each([
    ['one by one', {}],
    ['counted together', { count: 60 }],
    ['as a continuation row', { count: 0 }],
  ])('%s, and not a use of the key', async (_, fields) => {
    const events = refusals.map((code) => failed(code, fields));
    expect(await recordUsage(gateway, events)).toEqual({
      recorded: refusals.length,
      repeated: 0,
      rejected: [],
    });
    for (const by of ['hour', 'month'] as const) expect(await readRollups(sql, id, by)).toEqual([]);
    expect(await lastUse()).toBeNull();
    const code = 'rate_limited';
    const { data } = await owner.supabase.rpc('list_proxy_key_events', { id, code });
    expect(data?.items).toMatchObject([{ code, count: 1, ...fields }]);
  });

  it('alongside a request, whose count and last use it does not change', async () => {
    const served = usageEvent(id, { occurredAt: new Date(Date.now() - 60_000).toISOString() });
    const batch = [failed('rate_limited'), served];
    expect(await recordUsage(gateway, batch)).toMatchObject({ recorded: 2 });
    await recordUsage(gateway, [failed('tunnel_limit_reached', { count: 9 })]);
    expect(await readRollups(sql, id, 'month')).toMatchObject([
      { requests: '1', bytesSent: '100', bytesReceived: '1000' },
    ]);
    expect(new Date((await lastUse()) ?? 0).toISOString()).toBe(endOf(served));
  });
});

it.each([
  'target_unreachable',
  'target_timeout',
  'target_response_invalid',
  'client_closed_request',
])('a failed attempt is a request and a use of the key: %s', async (code) => {
  const event = failed(code, { statusCode: 502 });
  expect(await recordUsage(gateway, [event, failed(code, { count: 0 })])).toMatchObject({
    recorded: 2,
  });
  expect(await readRollups(sql, id, 'month')).toMatchObject([
    { requests: '1', bytesSent: '0', bytesReceived: '0' },
  ]);
  expect(await lastUse()).not.toBeNull();
});

it('a refusal after bytes were moved is a request, and its bytes are metered', async () => {
  await recordUsage(gateway, [failed('quota_exceeded', { bytesSent: 7 })]);
  expect(await readRollups(sql, id, 'month')).toMatchObject([{ requests: '1', bytesSent: '7' }]);
});

it('refusals that are counted together are recorded once, however often they are sent', async () => {
  const batch = [failed('rate_limited', { count: 1_000_000 }), failed('rate_limited')];
  expect(await recordUsage(gateway, batch)).toMatchObject({ recorded: 2, repeated: 0 });
  // as a gateway that did not get the answer sends it
  expect(await recordUsage(gateway, batch)).toMatchObject({ recorded: 0, repeated: 2 });
  const rows = await sql`
    select count from proxy_private.proxy_usage_events where api_key_id = ${id} order by count`;
  expect(rows.map(({ count }) => count)).toEqual([1, 1_000_000]);
});

it.each([
  ['served', { code: null }],
  ['a failed attempt', { code: 'target_timeout' }],
  ['with bytes sent', { code: 'rate_limited', bytesSent: 1 }],
  ['with bytes received', { code: 'rate_limited', bytesReceived: 1 }],
])('an event that is not a refusal cannot have a count: %s', async (_, fields) => {
  const event = failed('', { ...fields, count: 2 });
  expect(await recordUsage(gateway, [event])).toMatchObject({
    recorded: 0,
    rejected: [{ index: 0, eventId: event.eventId, reason: 'invalid_count' }],
  });
});

it.each([
  ['a status of two digits', 'status_code = 99'],
  ['a status of four digits', 'status_code = 1000'],
  ['a malformed code', `code = 'Rate limited'`],
  ['a code of 65 characters', `code = repeat('x', 65)`],
  ['a negative count', 'count = -1'],
  ['a count over a million', 'count = 1000001'],
  ['a count with bytes', 'bytes_sent = 1, count = 2'],
  ['a count without a code', 'code = null, count = 2'],
])('no row is stored with %s', async (_, assignments) => {
  await recordUsage(gateway, [failed('rate_limited')]);
  const stored = sql.unsafe(
    `update proxy_private.proxy_usage_events set ${assignments} where api_key_id = '${id}'`,
  );
  await expect(stored).rejects.toMatchObject({ code: '23514' });
});
