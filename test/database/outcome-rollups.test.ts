import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { refusalCodes } from '../../gateway/refusal.ts';
import { connectGateway, connectOwner, newUser } from '../support/personas.ts';
import { seedKey } from '../support/seeded-keys.ts';
import { findTargetDrift, readOutcomes } from '../support/target-rollups.ts';
import { recordUsage, usageEvent } from '../support/usage-events.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
let owner: string;
let id: string;
/** A test key: its usage is not billed. */
let second: string;

beforeEach(async () => {
  owner = (await newUser()).id;
  ({ id } = await seedKey(sql, owner));
  ({ id: second } = await seedKey(sql, owner, { liveMode: false }));
});
afterEach(async () => {
  expect(await findTargetDrift(sql, [id, second], [owner])).toEqual([]);
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const none = { bytesSent: 0, bytesReceived: 0 };
const nothing = { ...none, billedBytes: 0 };
const record = (...events: ReturnType<typeof usageEvent>[]) => recordUsage(gateway, events);

it('the outcomes are those that the gateway records for an active key', async () => {
  /** Codes from before the key is known, or for an inactive key. */
  const neverRecorded = [
    'request_timeout',
    'head_too_large',
    'not_implemented',
    'key_suspended',
    'credentials_required',
    'method_not_allowed',
  ];
  const recorded = refusalCodes.filter((code) => !neverRecorded.includes(code));
  const rows = await sql`select outcome from proxy_private.outcomes`;
  expect(rows.map(({ outcome }) => outcome).toSorted()).toEqual(
    [...recorded, 'client_closed_request', 'ok', 'other'].toSorted(),
  );
});

it('requests, including refusals, are counted by hour and outcome for the key and its user', async () => {
  const hour = new Date(Date.now() - 2 * 3_600_000).toISOString().slice(0, 13);
  const at = (time: string) => ({ occurredAt: `${hour}:${time}Z` });
  await record(
    usageEvent(id, at('00:00')),
    usageEvent(id, { ...at('59:59.999'), count: 0, bytesSent: 1 }),
    usageEvent(id, { ...at('30:00'), ...none, code: 'rate_limited', count: 70 }),
    usageEvent(id, { ...at('31:00'), ...none, code: 'rate_limited' }),
    usageEvent(id, { ...at('31:00'), bytesSent: 9, code: 'target_response_invalid' }),
    usageEvent(second, { ...at('31:00') }),
  );
  const rows = (requests: number, bytesSent: number, bytesReceived: number) => [
    { outcome: 'ok', requests, bytesSent, bytesReceived, billedBytes: 2101 },
    { outcome: 'rate_limited', requests: 71, ...nothing },
    {
      outcome: 'target_response_invalid',
      requests: 1,
      bytesSent: 9,
      bytesReceived: 1000,
      billedBytes: 1009,
    },
  ];
  const named = hour.replace('T', ' ');
  const kept = await readOutcomes(sql, id);
  expect(kept).toEqual(rows(1, 101, 2000).map((row) => ({ hour: named, ...row })));
  expect(await readOutcomes(sql, owner)).toMatchObject(rows(2, 201, 3000));
});

it.each(['no_such_code', 'ok', 'other', 'key_suspended'])(
  'a code that is not an outcome counts as other: %s',
  async (code) => {
    const event = usageEvent(id, { ...none, code, count: 3 });
    await record(event);
    expect(await readOutcomes(sql, id)).toMatchObject([{ outcome: 'other', requests: 3 }]);
    await sql`delete from proxy_private.proxy_usage_events where event_id = ${event.eventId}`;
    await sql`delete from proxy_private.proxy_usage_outcomes where subject in (${id}, ${owner})`;
  },
);

it.each([
  ['fails after it was served', null, 'target_response_invalid', 100],
  ['is served after it failed', 'client_closed_request', null, 100],
  ['turned out not to be a refusal', 'rate_limited', 'target_timeout', 0],
  ['was refused for another reason', 'rate_limited', 'quota_exceeded', 0],
])(
  'a request that %s moves to the new outcome with all its bytes',
  async (_, before, after, bytesSent) => {
    const event = usageEvent(id, { bytesSent, bytesReceived: 0, code: before });
    await record(event);
    await record({
      ...event,
      durationMs: 90,
      code: after,
      bytesSent: bytesSent * 3,
    } as typeof event);
    const rows = await readOutcomes(sql, id);
    expect(rows.filter(({ requests }) => requests > 0)).toMatchObject([
      { outcome: after ?? 'ok', requests: 1, bytesSent: bytesSent * 3, billedBytes: bytesSent * 3 },
    ]);
    expect(rows.filter(({ requests }) => requests === 0)).toMatchObject([
      { outcome: before ?? 'ok', ...nothing },
    ]);
  },
);
