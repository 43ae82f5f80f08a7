import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectSameAnswer, expectSameRefusal } from '../../support/both-ways.ts';
import { calls, type Fields } from '../../support/calls.ts';
import { mintAgedKey } from '../../support/key-scenes.ts';
import { connectGateway, connectOwner, newUser, type Persona } from '../../support/personas.ts';
import { recordUsage, usageEvent } from '../../support/usage-events.ts';
import { dayMs, hourMs, period } from '../../support/usage-scenes.ts';
import { parseCsv, requestCsv } from './csv-scenes.ts';

const sql = connectOwner();
const gateway = connectGateway();
let owner: Persona;
let other: Persona;
let one: { id: string; keyId: string };

const day = new Date(Date.now() - dayMs).toISOString().slice(0, 10);
const at = (time: string) => ({ occurredAt: `${day}T${time}Z` });
const none = { bytesSent: 0, bytesReceived: 0 };
const nothing = { ...none, billedBytes: 0 };

beforeAll(async () => {
  [owner, other] = await Promise.all([newUser(), newUser()]);
  one = await mintAgedKey(sql, owner);
  const two = await mintAgedKey(sql, owner, { liveMode: false });
  const { rejected } = await recordUsage(gateway, [
    ...[1, 2, 3, 4].map(() => usageEvent(one.id, at('04:10:00'))),
    usageEvent(two.id, { ...at('06:00:00'), ...none, code: 'rate_limited', count: 4 }),
    usageEvent(two.id, {
      ...at('06:30:00'),
      bytesSent: 5,
      bytesReceived: 0,
      code: 'target_timeout',
    }),
    usageEvent(two.id, { ...at('06:40:00'), ...none, code: 'of_tomorrow' }),
  ]);
  expect(rejected).toEqual([]);
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const read = async (query: Fields = {}, by = owner) =>
  (await expectSameAnswer(calls.usageByOutcome(by, query))).data as unknown as {
    outcomes: { outcome: string; howToFix: string | null }[];
    points: { start: string; ok: number; refused: number; failed: number }[];
    totals: object;
  };
const span = { from: `${day}T04:00:00Z`, to: `${day}T07:00:00Z` };

describe('a user who reads how requests ended', () => {
  it('gets each outcome with how to fix it, and a point for each day', async () => {
    const answer = await read();
    expect(answer).toMatchObject({
      interval: 'day',
      sort: 'bytes',
      outcomes: [
        {
          outcome: 'ok',
          kind: 'ok',
          requests: 4,
          bytesSent: 400,
          bytesReceived: 4_000,
          billedBytes: 4_400,
        },
        { outcome: 'target_timeout', kind: 'failed', requests: 1, ...nothing, bytesSent: 5 },
        { outcome: 'rate_limited', kind: 'refused', requests: 4, ...nothing },
        { outcome: 'other', kind: 'refused', requests: 1, ...nothing },
      ],
      totals: {
        requests: 10,
        ok: 4,
        refused: 5,
        failed: 1,
        successRate: 0.4,
        bytesSent: 405,
        bytesReceived: 4_000,
        billedBytes: 4_400,
      },
    });
    expect(answer.outcomes.map(({ howToFix }) => typeof howToFix)).toEqual([
      'object',
      'string',
      'string',
      'string',
    ]);
    expect(answer.points).toHaveLength(30);
    expect(answer.points.filter(({ ok }) => ok > 0)).toEqual([
      { start: `${day}T00:00:00.000Z`, ok: 4, refused: 5, failed: 1 },
    ]);
  });

  it('gets points by hour', async () => {
    const { points } = await read({ interval: 'hour', ...span });
    expect(points).toEqual([
      { start: `${day}T04:00:00.000Z`, ok: 4, refused: 0, failed: 0 },
      { start: `${day}T05:00:00.000Z`, ok: 0, refused: 0, failed: 0 },
      { start: `${day}T06:00:00.000Z`, ok: 0, refused: 5, failed: 1 },
    ]);
  });

  it.each([
    ['requests', ['ok', 'rate_limited', 'other', 'target_timeout']],
    ['errors', ['rate_limited', 'other', 'target_timeout', 'ok']],
  ])('gets the top outcomes by %s', async (sort, names) => {
    expect((await read({ sort })).outcomes.map(({ outcome }) => outcome)).toEqual(names);
    const { outcomes, totals } = await read({ sort, limit: 2 });
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(names.slice(0, 2));
    expect(totals).toMatchObject({ requests: 10 });
  });

  it('gets the outcomes of one key in a month', async () => {
    const { outcomes, totals } = await read({ keyId: one.keyId, period: day.slice(0, 7) });
    expect(outcomes).toMatchObject([{ outcome: 'ok', requests: 4 }]);
    expect(totals).toMatchObject({ successRate: 1 });
  });

  it('gets nothing of other users', async () => {
    expect(await read({}, other)).toMatchObject({
      outcomes: [],
      totals: { requests: 0, successRate: null },
    });
    await expectSameRefusal(calls.usageByOutcome(other, { keyId: one.id }), 404, 'not_found');
  });

  it('gets CSV: a row for each outcome and hour', async () => {
    const query = new URLSearchParams({ interval: 'hour', ...span });
    const response = await requestCsv(owner, `/api/v1/proxy/usage/outcomes?${query}`);
    expect(response.headers.get('Content-Disposition')).toBe('attachment; filename="outcomes.csv"');
    const lines = parseCsv(await response.text());
    expect(lines.map((line) => line.slice(0, 7))).toEqual([
      ['start', 'outcome', 'kind', 'requests', 'bytesSent', 'bytesReceived', 'billedBytes'],
      [`${day}T04:00:00.000Z`, 'ok', 'ok', '4', '400', '4000', '4400'],
      [`${day}T06:00:00.000Z`, 'target_timeout', 'failed', '1', '5', '0', '0'],
      [`${day}T06:00:00.000Z`, 'rate_limited', 'refused', '4', '0', '0', '0'],
      [`${day}T06:00:00.000Z`, 'other', 'refused', '1', '0', '0', '0'],
    ]);
    expect(lines[1]?.[7]).toBe('');
    expect(lines[2]?.[7]).not.toBe('');
  });
});

it.each<[string, Fields]>([
  ['interval', { interval: 'week' }],
  ['sort', { sort: 'outcome' }],
  ['limit', { limit: 201 }],
  ['period', { period: period(1) }],
  ['period', { period: period(0), to: '2026-01-02T00:00:00Z' }],
  ['from', { from: '2026-01-01T00:00:00Z', to: '2026-04-03T00:00:00.000001Z' }],
  ['from', { interval: 'hour', from: new Date(Date.now() - 1_001 * hourMs).toISOString() }],
])('the refusal names %s for %o', (parameter, query) =>
  expectSameRefusal(calls.usageByOutcome(owner, query), 400, 'invalid_request', parameter).then(
    () => {},
  ),
);

it('an unknown parameter is refused', async () => {
  const response = await owner.request('GET', '/api/v1/proxy/usage/outcomes?by=host');
  expect([response.status, (await response.json()).code]).toEqual([400, 'invalid_request']);
});
