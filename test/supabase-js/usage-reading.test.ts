import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, expectSameAnswer, expectSameRefusal } from '../support/both-ways.ts';
import { calls, type Fields } from '../support/calls.ts';
import { insertKeys, mintKey } from '../support/key-scenes.ts';
import {
  connectGateway,
  connectOwner,
  newAdmin,
  newUser,
  type Persona,
} from '../support/personas.ts';
import { ageKeys } from '../support/seeded-keys.ts';
import { beginOf, insertUsage, period, report } from '../support/usage-scenes.ts';

const sql = connectOwner();
const gateway = connectGateway();
let owner: Persona;
let other: Persona;
let admin: Persona;
let key: { id: string; keyId: string };

beforeAll(async () => {
  [owner, other, admin] = await Promise.all([newUser(), newUser(), newAdmin()]);
  key = await mintKey(owner, { label: 'Used' });
  await ageKeys(sql, [key.id]);
  await insertKeys(sql, owner.id, { count: 3, tier: 'team', deleted: true });
  const moments = [0, 1, 2].map((hours) => Date.now() - hours * 3_600_000);
  await report(
    gateway,
    key.id,
    moments.map((moment, n) => ({
      occurredAt: new Date(moment).toISOString(),
      bytesSent: 10 ** n,
      bytesReceived: 2 ** 40,
      durationMs: 90_000,
    })),
  );
  const old = { requests: 1, bytesSent: 2, bytesReceived: 3 };
  await insertUsage(sql, key.id, beginOf(period(-13)), old);
});

afterAll(() => Promise.all([sql.end(), gateway.end()]));

type Reading = 'usage' | 'usageByKey' | 'usageOverTime';

describe('usage over HTTP and RPC', () => {
  it.each<[string, Reading, Fields]>([
    ['of this month', 'usage', {}],
    ['of a month by name', 'usage', { period: period(-13) }],
    ['of a month without usage', 'usage', { period: period(-12) }],
    ['by key', 'usageByKey', {}],
    ['by key for another month', 'usageByKey', { period: period(-13) }],
    ['by key, filtered', 'usageByKey', { active: false, tier: 'team', label: 'KEY' }],
    ['by key, on a page', 'usageByKey', { limit: 2, liveMode: true }],
    ['by hour', 'usageOverTime', { interval: 'hour' }],
    ['by day', 'usageOverTime', { interval: 'day' }],
    [
      'by day of a span',
      'usageOverTime',
      { interval: 'day', from: '2024-02-28T23:30:00-01:00', to: '2024-03-01T00:00:00Z' },
    ],
  ])('is the same %s', async (_, name, query) => {
    await expectSameAnswer(calls[name](owner, query));
  });

  it('is the same over time for one key, by its uuid and keyId', async () => {
    const query = { interval: 'hour' };
    const { data } = await expectSameAnswer(
      calls.usageOverTime(owner, { ...query, keyId: key.id }),
    );
    expect(
      await expectSameAnswer(calls.usageOverTime(owner, { ...query, keyId: key.keyId })),
    ).toMatchObject({ data });
  });

  it('has the same cursors to the end', async () => {
    const seen: unknown[] = [];
    let cursor: string | null = null;
    do {
      const query: Fields = { limit: 1, ...(cursor === null ? {} : { cursor }) };
      const page: Answer = await expectSameAnswer(calls.usageByKey(owner, query));
      seen.push(...page.items);
      cursor = page.cursor;
    } while (cursor !== null);
    expect(seen).toEqual((await expectSameAnswer(calls.usageByKey(owner, {}))).items);
  });

  it('shows nothing of the owner to another user, or to an admin', async () => {
    for (const by of [other, admin]) {
      for (const query of [{}, { period: period(-13) }]) {
        const { data } = await expectSameAnswer(calls.usage(by, query));
        expect(data).toMatchObject({ totalBandwidthBytes: 0, totalRequests: 0, activeKeys: 0 });
      }
      expect((await expectSameAnswer(calls.usageByKey(by, {}))).items).toEqual([]);
      const { data } = await expectSameAnswer(calls.usageOverTime(by, { interval: 'hour' }));
      const { points } = data as unknown as { points: { requests: number }[] };
      expect(points.every(({ requests }) => requests === 0)).toBe(true);
    }
  });
});

/** Over HTTP and RPC, the refusal names the parameter in its own spelling. */
async function expectRefused(name: Reading, query: Fields, parameter: string) {
  const ways = calls[name](owner, query);
  await expectSameRefusal(ways, 400, 'invalid_request', parameter);
}

describe.each(['usage', 'usageByKey'] as const)('a period of %s', (name) => {
  it.each([
    period(-14),
    period(1),
    '2026-13',
    '2026-00',
    '2026-1',
    '26-01',
    '2026-01-01',
    '2026/01',
    '0000-01',
    '9999-12',
    ' 2026-01',
    '2026-01\n',
    '-2026-01',
    '٢٠٢٦-01',
    'this',
    '',
  ])('is refused by name if it is invalid: %o', async (value) => {
    await expectRefused(name, { period: value }, 'period');
  });

  it.each([period(0), period(-13)])('may be %s', async (value) => {
    await expectSameAnswer(calls[name](owner, { period: value }));
  });
});

describe('a page of usage by key', () => {
  it.each<[string, Fields]>([
    ['limit', { limit: 0 }],
    ['limit', { limit: 201 }],
    ['cursor', { cursor: '' }],
    ['cursor', { cursor: 'A'.repeat(31) }],
    ['cursor', { cursor: '_'.repeat(32) }],
    ['tier', { tier: 'gold' }],
    ['tier', { tier: '' }],
  ])('is refused, naming %s, for %o', (parameter, query) =>
    expectRefused('usageByKey', query, parameter),
  );
});

describe('usage over time', () => {
  const from = '2026-01-01T00:00:00Z';

  it.each<[string, Fields]>([
    ['interval', { interval: 'week' }],
    ['interval', { interval: 'Day' }],
    ['interval', { interval: '' }],
    ['interval', { interval: 'minute' }],
    ['from', { interval: 'day', from: '2026-01-01' }],
    ['from', { interval: 'day', from: '2026-02-29T00:00:00Z' }],
    ['from', { interval: 'day', from: '1999-12-31T23:59:59Z' }],
    ['from', { interval: 'day', from: '' }],
    ['to', { interval: 'day', to: 'now' }],
    ['to', { interval: 'day', to: '2100-01-01T00:00:00.000001Z' }],
    ['to', { interval: 'hour', from, to: from }],
    ['to', { interval: 'hour', from, to: '2025-12-31T23:59:59Z' }],
    ['to', { interval: 'hour', from, to: '2026-01-01T01:00:00+01:00' }],
    // also within one interval
    ['to', { interval: 'hour', from: '2026-01-01T00:30:00Z', to: '2026-01-01T00:30:00Z' }],
    ['to', { interval: 'day', from: '2026-01-01T00:30:00Z', to: '2026-01-01T00:10:00Z' }],
    ['to', { interval: 'day', from: '2099-01-01T00:00:00Z' }],
    ['from', { interval: 'hour', from, to: '2026-02-11T16:00:00.000001Z' }],
    ['from', { interval: 'hour', from: '2025-12-31T23:59:59.999999Z', to: '2026-02-11T16:00:00Z' }],
    ['from', { interval: 'day', from: '2000-01-01T00:00:00Z' }],
  ])('is refused, naming %s, for %o', (parameter, query) =>
    expectRefused('usageOverTime', query, parameter),
  );

  it.each<[string, () => Persona]>([
    ['another user', () => other],
    ['an admin', () => admin],
  ])('of a key is refused to %s like that of an unknown key', async (_, persona) => {
    for (const keyId of [key.id, key.keyId]) {
      const ways = calls.usageOverTime(persona(), { interval: 'day', keyId });
      await expectSameRefusal(ways, 404, 'not_found');
    }
  });

  it.each(['', 'avp_live_000000000000', '00000000-0000-7000-8000-000000000000', "' or true --"])(
    'of an unknown key is refused: %o',
    async (keyId) => {
      await expectSameRefusal(
        calls.usageOverTime(owner, { interval: 'day', keyId }),
        404,
        'not_found',
      );
    },
  );
});
