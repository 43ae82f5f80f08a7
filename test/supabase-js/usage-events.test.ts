import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, expectSameAnswer, expectSameRefusal } from '../support/both-ways.ts';
import { calls, type Fields } from '../support/calls.ts';
import { insertEvents, makeEvent, microsecondsAfter } from '../support/event-scenes.ts';
import { fillEvents } from '../support/fill-events.ts';
import { mintKey } from '../support/key-scenes.ts';
import { connectOwner, newUser, type Persona } from '../support/personas.ts';

const sql = connectOwner();
let owner: Persona;
let id: string;
let keyId: string;

const moment = new Date(Date.now() - 3_600_000).toISOString();

beforeAll(async () => {
  owner = await newUser();
  ({ id, keyId } = await mintKey(owner));
  await insertEvents(
    sql,
    Array.from({ length: 12 }, (_, n) =>
      makeEvent(id, {
        // three events share each microsecond
        occurredAt: microsecondsAfter(moment, Math.floor(n / 3)),
        statusCode: n % 2 === 0 ? 200 : 403,
        targetHost: n % 4 === 0 ? '=1+1' : 'shop.example.com',
        code: n % 6 === 1 ? 'target_forbidden' : null,
      }),
    ),
  );
});

afterAll(() => sql.end());

describe('events over HTTP and RPC', () => {
  it.each<[string, Fields, number]>([
    ['without parameters', {}, 12],
    ['on a page', { limit: 5 }, 5],
    ['on a page by number', { page: 3, limit: 5 }, 2],
    ['on a page after the last one', { page: 4, limit: 5 }, 0],
  ])('are the same %s', async (_, query, count) => {
    const { items } = await expectSameAnswer(calls.events(owner, id, query));
    expect(items).toHaveLength(count);
    expect(await expectSameAnswer(calls.events(owner, keyId, query))).toMatchObject({ items });
  });

  it('have the same cursors to the end', async () => {
    const seen: Fields[] = [];
    let cursor: string | null = null;
    do {
      const query: Fields = { limit: 4, ...(cursor === null ? {} : { cursor }) };
      const page: Answer = await expectSameAnswer(calls.events(owner, id, query));
      seen.push(...page.items);
      cursor = page.cursor;
    } while (cursor !== null);
    const { items } = await expectSameAnswer(calls.events(owner, id));
    expect(seen).toEqual(items);
  });

  it('are the same as CSV', async () => {
    const { route, rpc } = calls.csv(owner, id, { statusCode: 200 });
    const { data } = await rpc();
    expect(data).toEqual({ csv: await (await route()).text(), next_cursor: null });
  });
});

describe('CSV in parts over RPC', () => {
  const seed = async (count: number) => {
    const key = await mintKey(owner);
    await fillEvents(sql, key.id, count, { occurred_at: 'now() - make_interval(secs => n / 2)' });
    return key.id;
  };
  const readParts = async (key: string) => {
    const parts: string[] = [];
    let cursor: string | null | undefined;
    do {
      const { data, error } = await owner.supabase.rpc('export_proxy_key_events', {
        id: key,
        ...(cursor ? { cursor } : {}),
      });
      expect(error).toBeNull();
      parts.push(data?.csv ?? '');
      cursor = data?.next_cursor;
    } while (cursor);
    return parts;
  };

  it.each([
    [5_000, [5_001]],
    [5_001, [5_001, 1]],
    [10_000, [5_001, 5_000]],
  ])(
    'has %i events in parts of these line counts, with the header row in the first',
    async (count, lines) => {
      const key = await seed(count);
      const parts = await readParts(key);
      expect(parts.map((part) => part.split('\r\n').length - 1)).toEqual(lines);
      expect(parts.filter((part) => part.includes('eventId'))).toHaveLength(1);
      const { route } = calls.csv(owner, key);
      expect(await (await route()).text()).toBe(parts.join(''));
    },
  );
});

describe.each(['events', 'csv'] as const)('%s', (name) => {
  const call = calls[name];

  it.each<[string, Fields]>([
    ['from', { from: 'yesterday' }],
    ['from', { from: '' }],
    ['from', { from: '2026-01-01' }],
    ['from', { from: '2026-01-01T00:00:00' }],
    ['from', { from: '2026-01-01 00:00:00Z' }],
    ['from', { from: '2026-02-29T00:00:00Z' }],
    ['from', { from: '2026-01-01T00:00:00+0200' }],
    ['from', { from: '2026-01-01T00:00:00+24:00' }],
    ['from', { from: '1999-12-31T23:59:59.999999Z' }],
    ['from', { from: '2026-01-01T24:00:00Z' }],
    ['from', { from: '2026-01-01t00:00:00z' }],
    ['from', { from: '2016-12-31T23:59:60Z' }],
    ['from', { from: 'infinity' }],
    ['from', { from: '1767225600' }],
    ['to', { to: 'now' }],
    ['to', { to: '2100-01-01T00:00:00.000001Z' }],
    ['to', { from: moment, to: moment }],
    ['to', { from: microsecondsAfter(moment, 1), to: moment }],
    ['to', { from: '2026-01-01T00:00:00Z', to: '2026-01-01T01:00:00+01:00' }],
    ['statusCode', { statusCode: 99 }],
    ['statusCode', { statusCode: 1000 }],
    ['statusCode', { statusCode: 0 }],
    ['targetHost', { targetHost: '' }],
    ['targetHost', { targetHost: 'x'.repeat(256) }],
    ['code', { code: '' }],
    ['code', { code: 'target-forbidden' }],
    ['code', { code: 'x'.repeat(65) }],
  ])('are refused, naming %s, for %o', async (path, query) => {
    await expectSameRefusal(call(owner, id, query), 400, 'invalid_request', path);
  });
});

describe('a page of events', () => {
  const cursor = 'AAYAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';

  it.each<[string, Fields]>([
    ['limit', { limit: 0 }],
    ['limit', { limit: 201 }],
    ['page', { page: 0 }],
    ['page', { page: 51, limit: 200 }],
    ['page', { page: 201 }],
    ['page', { page: 10_001, limit: 1 }],
    ['page', { page: 999_999_999, limit: 200 }],
    ['page', { page: 1, cursor }],
    ['cursor', { cursor: '' }],
    ['cursor', { cursor: 'x' }],
    ['cursor', { cursor: cursor.slice(1) }],
    ['cursor', { cursor: `${cursor}A` }],
    ['cursor', { cursor: '_'.repeat(32) }],
    ['cursor', { cursor: `f${'_'.repeat(31)}` }],
    ['cursor', { cursor: `${'A'.repeat(31)}+` }],
    ['cursor', { cursor: `${'A'.repeat(31)}/` }],
    ['cursor', { cursor: `${'A'.repeat(30)}==` }],
    ['cursor', { cursor: `${'A'.repeat(31)}é` }],
  ])('is refused, naming %s, for %o', async (path, query) => {
    const ways = calls.events(owner, id, query);
    await expectSameRefusal(ways, 400, 'invalid_request', path);
  });

  it('after an arbitrary cursor for a time is the events before that time', async () => {
    const { items } = await expectSameAnswer(calls.events(owner, id, { cursor }));
    expect(items).toEqual([]);
  });
});
