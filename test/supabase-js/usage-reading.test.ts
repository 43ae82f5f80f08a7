import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { snakeCase } from '../../supabase/functions/_shared/field-names.ts';
import { ageKeys } from '../support/aged-key.ts';
import { insertKeys, mintKey } from '../support/key-scenes.ts';
import {
  connectGateway,
  connectOwner,
  newAdmin,
  newUser,
  type Persona,
} from '../support/personas.ts';
import { beginOf, insertUsage, period, report } from '../support/usage-scenes.ts';
import { expectSameRefusal } from './both-ways.ts';
import { expectSameAnswer, type Query, readingUsage } from './usage-ways.ts';

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

const { month, byKey, series } = readingUsage;

describe('usage, both ways', () => {
  it.each<[string, keyof typeof readingUsage, Query]>([
    ['of this month', 'month', {}],
    ['of a month by its name', 'month', { period: period(-13) }],
    ['of a month without any', 'month', { period: period(-12) }],
    ['key by key', 'byKey', {}],
    ['key by key of another month', 'byKey', { period: period(-13) }],
    ['key by key, filtered', 'byKey', { active: false, tier: 'team', label: 'KEY' }],
    ['key by key, on a page', 'byKey', { limit: 2, liveMode: true }],
    ['by hour', 'series', { interval: 'hour' }],
    ['by day', 'series', { interval: 'day' }],
    [
      'by day of a span',
      'series',
      { interval: 'day', from: '2024-02-28T23:30:00-01:00', to: '2024-03-01T00:00:00Z' },
    ],
  ])('is the same %s', async (_, name, query) => {
    await expectSameAnswer(readingUsage[name](owner, query));
  });

  it('is the same over time of one key, by its uuid and by its keyId', async () => {
    const query = { interval: 'hour' };
    const { body } = await expectSameAnswer(series(owner, { ...query, keyId: key.id }));
    expect(await expectSameAnswer(series(owner, { ...query, keyId: key.keyId }))).toMatchObject({
      body,
    });
  });

  it('has the same cursors to the end', async () => {
    const seen: unknown[] = [];
    let cursor: string | null = null;
    do {
      const query: Query = { limit: 1, ...(cursor === null ? {} : { cursor }) };
      const page = await expectSameAnswer(byKey(owner, query));
      seen.push(...(page.body as unknown[]));
      cursor = page.cursor;
    } while (cursor !== null);
    expect(seen).toEqual((await expectSameAnswer(byKey(owner, {}))).body);
  });

  it('is nothing of others to another user, and to an admin who is no owner', async () => {
    for (const by of [other, admin]) {
      expect((await expectSameAnswer(month(by, {}))).body).toMatchObject({ totalRequests: 0 });
      expect((await expectSameAnswer(byKey(by, {}))).body).toEqual([]);
      const { body } = await expectSameAnswer(series(by, { interval: 'hour' }));
      const { points } = body as { points: { requests: number }[] };
      expect(points.every(({ requests }) => requests === 0)).toBe(true);
    }
  });
});

/** Both ways refuse the parameter by its name in each. */
async function expectRefused(name: keyof typeof readingUsage, query: Query, parameter: string) {
  const ways = readingUsage[name](owner, query);
  const { problem, details } = await expectSameRefusal(ways, 400, 'invalid_request');
  expect(problem.errors?.map(({ path }) => path)).toEqual([parameter]);
  expect(details).toBe(snakeCase(parameter));
}

describe.each(['month', 'byKey'] as const)('a period of %s', (name) => {
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
  ])('that cannot be is refused by its name: %o', async (value) => {
    await expectRefused(name, { period: value }, 'period');
  });

  it.each([period(0), period(-13)])('of %s can be', async (value) => {
    await expectSameAnswer(readingUsage[name](owner, { period: value }));
  });
});

describe('a page of usage by key', () => {
  it.each<[string, Query]>([
    ['limit', { limit: 0 }],
    ['limit', { limit: 201 }],
    ['cursor', { cursor: '' }],
    ['cursor', { cursor: 'A'.repeat(31) }],
    ['cursor', { cursor: '_'.repeat(32) }],
    ['tier', { tier: 'gold' }],
    ['tier', { tier: '' }],
  ])('is refused by the name of %s for %o', (parameter, query) =>
    expectRefused('byKey', query, parameter),
  );
});

describe('usage over time', () => {
  const from = '2026-01-01T00:00:00Z';

  it.each<[string, Query]>([
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
  ])('is refused by the name of %s for %o', (parameter, query) =>
    expectRefused('series', query, parameter),
  );

  it('has 1,000 hours where 1,001 are refused', async () => {
    const query = { interval: 'hour', from, to: '2026-02-11T16:00:00Z' };
    const { body } = await expectSameAnswer(series(owner, query));
    expect((body as { points: unknown[] }).points).toHaveLength(1_000);
  });

  it.each<[string, () => Persona]>([
    ['another user', () => other],
    ['an admin who is no owner', () => admin],
  ])('of a key is refused to %s as that of no key', async (_, persona) => {
    for (const keyId of [key.id, key.keyId]) {
      const ways = series(persona(), { interval: 'day', keyId });
      await expectSameRefusal(ways, 404, 'not_found');
    }
  });

  it.each(['', 'avp_live_000000000000', '00000000-0000-7000-8000-000000000000', "' or true --"])(
    'of what names no key is refused: %o',
    async (keyId) => {
      await expectSameRefusal(series(owner, { interval: 'day', keyId }), 404, 'not_found');
    },
  );
});
