import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectGateway, connectOwner, newUser } from '../support/personas.ts';
import { seedKey } from '../support/seeded-keys.ts';
import { findDrift, readRollups, recordUsage, usageEvent } from '../support/usage-events.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
let keyId: string;

beforeAll(async () => {
  const key = await seedKey(sql, (await newUser()).id);
  keyId = key.id;
});
afterAll(async () => {
  expect(await findDrift(sql, [keyId])).toEqual([]);
  await Promise.all([sql.end(), gateway.end()]);
});

const day = 86_400_000;
const fromNow = (ms: number) => new Date(Date.now() + ms).toISOString();
const missing = undefined;

const refusals: [field: string, reason: string, values: unknown[]][] = [
  ['eventId', 'invalid_event_id', ['event-1', '', missing, null, 7, true, {}, [randomUUID()]]],
  ['apiKeyId', 'invalid_api_key_id', ['avp_live_0123456789ab', '', missing, null, 7]],
  ['apiKeyId', 'unknown_key', [randomUUID()]],
  ['occurredAt', 'invalid_occurred_at', ['soon', '', missing, null, 1_700_000_000, '2026-13-01']],
  // our own separator beside a time, or between two
  [
    'occurredAt',
    'invalid_occurred_at',
    [`${fromNow(0)}|`, `|${fromNow(0)}`, `${fromNow(0)}|${fromNow(0)}`],
  ],
  // values that would mean another time, or another instant elsewhere, if the batch were repeated
  ['occurredAt', 'invalid_occurred_at', ['now', 'epoch', 'infinity', fromNow(0).replace('Z', '')]],
  ['occurredAt', 'occurred_too_long_ago', [fromNow(-91 * day), '1970-01-01T00:00:00Z']],
  ['occurredAt', 'occurred_in_the_future', [fromNow(6 * 60_000), '9999-01-01T00:00:00+00:00']],
  ['targetHost', 'invalid_target_host', ['', 'x'.repeat(256), missing, null, {}]],
  [
    'targetSite',
    'invalid_target_site',
    ['', 'other.com', 'ample.com', '.example.com', 'a.shop.example.com', 'EXAMPLE.com', 5, {}],
  ],
  ['method', 'invalid_method', ['', 'x'.repeat(21), missing, null]],
  ['statusCode', 'invalid_status_code', [99, 1000, -200, 1e9, 'ok', missing, null, 200.5]],
  ['bytesSent', 'invalid_bytes_sent', [-1, 2 ** 46 + 1, 1e300, 'many', missing, null, 0.5, true]],
  [
    'bytesReceived',
    'invalid_bytes_received',
    [-1, 2 ** 46 + 1, 1e300, 'many', missing, null, 0.5, 'infinity'],
  ],
  // more than 100 Gbit/s over the event's 50 ms plus one second, with its 1,000 bytes received
  ['bytesSent', 'too_many_bytes', [13_124_999_001, 2 ** 46]],
  ['durationMs', 'invalid_duration_ms', [-1, 2 ** 31, 'long', missing, null]],
  ['durationMs', 'ended_in_the_future', [6 * 60_000, 2 ** 31 - 1]],
  ['servedByNodeId', 'invalid_served_by_node_id', ['', 'x'.repeat(101), missing, null]],
  [
    'code',
    'invalid_code',
    ['', 'Rate_limited', '_limited', '4xx', 'rate-limited', 'ok\n', 'x'.repeat(65), 7, {}, []],
  ],
  // an event without a code is at most one request
  ['count', 'invalid_count', [2, -1, 1_000_001, 2 ** 31, 1.5, 'many', {}, []]],
];

it.each(
  refusals.flatMap(([field, reason, values]) =>
    values.map((value): [string, string, unknown] => [field, reason, value]),
  ),
)(
  'an event whose %s is out of bounds is refused on its own: %s, %j',
  async (field, reason, value) => {
    const bad = usageEvent(keyId, { [field]: value });
    const outcome = await recordUsage(gateway, [usageEvent(keyId), bad, usageEvent(keyId)]);
    expect(outcome).toEqual({
      recorded: 2,
      repeated: 0,
      rejected: [{ index: 1, eventId: bad.eventId ?? null, reason }],
    });
    const [row] = await sql`
    select count(*)::integer from proxy_private.proxy_usage_events
    where event_id::text = ${String(bad.eventId)}`;
    expect(row?.count).toBe(0);
  },
);

// the times of a batch are matched together, or one by one if any is malformed
it.each(refusals)(
  '%s is also refused for %s if the batch has a malformed time',
  async (field, reason, values) => {
    const bad = values.map((value) => usageEvent(keyId, { [field]: value }));
    const undated = usageEvent(keyId, { occurredAt: 'yesterday' });
    const outcome = await recordUsage(gateway, [undated, usageEvent(keyId), ...bad]);
    expect(outcome).toMatchObject({ recorded: 1, repeated: 0 });
    const refused = [
      { index: 0, eventId: undated.eventId, reason: 'invalid_occurred_at' },
      ...bad.map(({ eventId }, n) => ({ index: n + 2, eventId: eventId ?? null, reason })),
    ];
    expect(outcome.rejected).toEqual(refused);
  },
);

it.each([
  ['in a batch of such times', []],
  ['beside a malformed time', ['yesterday']],
])('a time in any RFC 3339 form is accepted %s', async (_, others) => {
  const now = fromNow(0);
  const forms = [
    now,
    now.replace('T', 't'),
    now.replace('T', ' '),
    now.replace('Z', 'z'),
    now.replace(/\.\d+/, ''),
    now.replace('Z', '123Z'),
    now.replace('Z', '+00:00'),
    now.replace('Z', '-00:00'),
  ];
  const events = [...forms, ...others].map((occurredAt) => usageEvent(keyId, { occurredAt }));
  expect(await recordUsage(gateway, events)).toMatchObject({
    recorded: forms.length,
    rejected: others.map(() => ({ reason: 'invalid_occurred_at' })),
  });
});

it('the site of a target is stored as its length', async () => {
  const sites = ['example.com', 'shop.example.com', null, undefined];
  const events = sites.map((targetSite) => usageEvent(keyId, { targetSite }));
  expect(await recordUsage(gateway, events)).toMatchObject({ recorded: 4, rejected: [] });
  const kept = await Promise.all(
    events.map(
      ({ eventId }) => sql`
        select site_length from proxy_private.proxy_usage_events where event_id = ${eventId}`,
    ),
  );
  expect(kept.map(([row]) => row?.site_length)).toEqual([11, 16, null, null]);
});

it.each([[null], [7], ['an event'], [true], [{}], [[]]])(
  'an item that is not an event is refused on its own: %j',
  async (value) => {
    expect(await recordUsage(gateway, [value, usageEvent(keyId)])).toEqual({
      recorded: 1,
      repeated: 0,
      rejected: [{ index: 0, eventId: null, reason: 'invalid_event_id' }],
    });
  },
);

it('an event at every bound is recorded', async () => {
  const key = await seedKey(sql, (await newUser()).id);
  const least = usageEvent(key.id, {
    occurredAt: fromNow(-90 * day + 60_000),
    targetHost: 'x',
    method: 'x',
    statusCode: 100,
    bytesSent: 0,
    bytesReceived: 0,
    durationMs: 0,
    servedByNodeId: 'x',
    code: null,
    count: null,
  });
  const ahead = usageEvent(key.id, { occurredAt: fromNow(4 * 60_000), durationMs: 30_000 });
  const most = usageEvent(key.id, {
    // exactly as long ago as its duration
    occurredAt: fromNow(4 * 60_000 - (2 ** 31 - 1)),
    targetHost: 'x'.repeat(255),
    method: 'x'.repeat(20),
    statusCode: 999,
    bytesSent: 2 ** 46,
    bytesReceived: 2 ** 46,
    durationMs: 2 ** 31 - 1,
    servedByNodeId: 'x'.repeat(100),
    code: 'x'.repeat(64),
    count: 1,
  });
  const goesOn = usageEvent(key.id, { occurredAt: most.occurredAt, bytesSent: 0, count: 0 });
  expect(await recordUsage(gateway, [least, most, goesOn, ahead])).toEqual({
    recorded: 4,
    repeated: 0,
    rejected: [],
  });
  const rollups = await readRollups(sql, key.id, 'hour');
  // the continuation row is not a request, and its hour may have no other
  expect(rollups.map(({ requests, bytesSent }) => [requests, bytesSent])).toEqual([
    ['1', '0'],
    ['1', String(2 ** 46)],
    ['1', '100'],
  ]);
});

it('an event with the most possible bytes, sent and received together, is recorded', async () => {
  const events = [
    usageEvent(keyId, { bytesSent: 13_124_999_000 }),
    usageEvent(keyId, { bytesSent: 12_500_000_000, bytesReceived: 0, durationMs: 0 }),
  ];
  const beyond = usageEvent(keyId, { bytesSent: 12_500_000_000, bytesReceived: 1, durationMs: 0 });
  expect(await recordUsage(gateway, [...events, beyond])).toEqual({
    recorded: 2,
    repeated: 0,
    rejected: [{ index: 2, eventId: beyond.eventId, reason: 'too_many_bytes' }],
  });
});

it('an event may be at most five minutes older than its key, to allow for clock skew', async () => {
  const key = await seedKey(sql, (await newUser()).id);
  const id = key.id;
  const made = new Date(Date.now() - 2 * day);
  await sql`update proxy_private.proxy_keys set created_at = ${made} where id = ${id}`;
  const at = (ms: number) =>
    usageEvent(id, { occurredAt: new Date(made.getTime() - 5 * 60_000 + ms).toISOString() });
  const [first, early] = [at(0), at(-1)];
  expect(await recordUsage(gateway, [first, early])).toEqual({
    recorded: 1,
    repeated: 0,
    rejected: [{ index: 1, eventId: early.eventId, reason: 'occurred_before_key' }],
  });
  expect(await findDrift(sql, [id])).toEqual([]);
});

it.each([[{}], ['events'], [7], [true], [null], [usageEvent(randomUUID())]])(
  'a batch that is not an array is refused as a whole: %j',
  async (batch) => {
    await expect(recordUsage(gateway, batch)).rejects.toMatchObject({
      code: 'PT400',
      hint: 'invalid_request',
    });
  },
);

it('a batch that is null in SQL is refused as a whole', async () => {
  await expect(gateway`select * from gateway.record_usage(null)`).rejects.toMatchObject({
    code: 'PT400',
    hint: 'invalid_request',
  });
});
