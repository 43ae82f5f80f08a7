import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectSameAnswer } from '../../support/both-ways.ts';
import { calls } from '../../support/calls.ts';
import {
  type EventQuery,
  insertEvents,
  makeEvent,
  microsecondsAfter,
  readEvents,
  type UsageEvent,
} from '../../support/event-scenes.ts';
import { mintAgedKey, mintKey } from '../../support/key-scenes.ts';
import { connectGateway, connectOwner, newUser, type Persona } from '../../support/personas.ts';
import { recordUsage } from '../../support/usage-events.ts';

const sql = connectOwner();
const gateway = connectGateway();
let user: Persona;

beforeAll(async () => {
  user = await newUser();
});

afterAll(() => Promise.all([sql.end(), gateway.end()]));

const hourAgo = new Date(Date.now() - 3_600_000).toISOString();

/** That many milliseconds after an hour ago. */
const at = (ms: number) => new Date(Date.parse(hourAgo) + ms).toISOString();

describe('a user who reads the events of a key', () => {
  it('gets an empty array if there are none', async () => {
    const { id } = await mintKey(user);
    expect(await readEvents(user, id)).toEqual({ events: [], link: null });
  });

  it('gets exactly what the gateway reported, newest first', async () => {
    const { id } = await mintAgedKey(sql, user);
    const eventId = randomUUID();
    const events = [
      makeEvent(id, { occurredAt: at(30), statusCode: 502, bytesSent: 0, bytesReceived: 0 }),
      makeEvent(id, {
        occurredAt: at(20),
        eventId,
        count: 0,
        bytesReceived: 2 ** 40,
        durationMs: 90_000,
      }),
      makeEvent(id, { occurredAt: at(10), eventId, targetHost: 'a.example', durationMs: 86_400 }),
    ];
    const [last, second, first] = events;
    expect(await recordUsage(gateway, [second, first, last])).toMatchObject({ recorded: 3 });
    expect(await readEvents(user, id)).toEqual({ events, link: null });
  });

  it('gets only the events of this key', async () => {
    const [one, another] = [await mintKey(user), await mintKey(user)];
    const event = makeEvent(one.id);
    await recordUsage(gateway, [event, makeEvent(another.id)]);
    expect((await readEvents(user, one.id)).events).toEqual([event]);
  });

  it('gets the events of a deleted key, including later ones', async () => {
    const { id } = await mintAgedKey(sql, user);
    const [before, after] = [makeEvent(id, { occurredAt: at(1) }), makeEvent(id)];
    await recordUsage(gateway, [before]);
    await user.api.DELETE('/api/v1/proxy/keys/{id}', { params: { path: { id } } });
    await recordUsage(gateway, [after]);
    expect((await readEvents(user, id)).events).toEqual([after, before]);
  });

  it('gets the events of a suspended key', async () => {
    const { id } = await mintKey(user);
    const event = makeEvent(id);
    await recordUsage(gateway, [event]);
    await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${id}`;
    expect((await readEvents(user, id)).events).toEqual([event]);
  });

  it('gets the events of all days, including days without a partition', async () => {
    const { id } = await mintKey(user);
    const times = [0, 1, 50].map((n) => new Date(Date.now() - n * 86_400_000).toISOString());
    times.push('2019-12-31T23:59:59.999Z', '2015-06-01T00:00:00.000Z');
    const events = times.map((occurredAt) => makeEvent(id, { occurredAt }));
    await insertEvents(sql, events.toReversed());
    const [row] = await sql`
      select count(distinct tableoid)::integer as tables,
        count(*) filter (where tableoid = 'proxy_private.proxy_usage_events_default'::regclass)::integer
          as unplaced
      from proxy_private.proxy_usage_events where api_key_id = ${id}`;
    expect(row).toEqual({ tables: 3, unplaced: 3 });
    expect((await readEvents(user, id)).events).toEqual(events);
  });
});

describe('a user who filters events', () => {
  let id: string;
  const events: UsageEvent[] = [];

  beforeAll(async () => {
    id = (await mintAgedKey(sql, user)).id;
    for (let n = 0; n < 12; n += 1) {
      const targetHost = n % 2 === 0 ? 'shop.example.com' : 'api.example.com';
      const failed = { statusCode: 502, code: 'target_unreachable' };
      const fields = { occurredAt: at(n), targetHost, ...(n % 3 === 0 ? failed : {}) };
      events.unshift(makeEvent(id, fields));
    }
    expect(await recordUsage(gateway, events)).toMatchObject({ recorded: 12 });
  });

  const numbered = (wanted: (n: number) => boolean) =>
    events.filter((_, index) => wanted(events.length - 1 - index));

  it.each<[string, EventQuery, (n: number) => boolean]>([
    ['from a time, included', { from: at(4) }, (n) => n >= 4],
    ['up to a time, excluded', { to: at(4) }, (n) => n < 4],
    ['between two times', { from: at(3), to: at(9) }, (n) => n >= 3 && n < 9],
    ['from a time in the future', { from: '2099-01-01T00:00:00Z' }, () => false],
    ['by status', { statusCode: 502 }, (n) => n % 3 === 0],
    ['by a status without events', { statusCode: 999 }, () => false],
    ['by code', { code: 'target_unreachable' }, (n) => n % 3 === 0],
    ['by a code without events', { code: 'target_timeout' }, () => false],
    ['by host', { targetHost: 'api.example.com' }, (n) => n % 2 === 1],
    ['by host in another case', { targetHost: 'API.Example.COM' }, (n) => n % 2 === 1],
    ['by part of a host, which matches none', { targetHost: 'example.com' }, () => false],
    ['by a pattern, which matches none', { targetHost: '%' }, () => false],
    [
      'by all of these',
      {
        from: at(2),
        to: at(11),
        statusCode: 502,
        targetHost: 'api.example.com',
        code: 'target_unreachable',
      },
      (n) => n === 3 || n === 9,
    ],
  ])('gets them %s, over HTTP and RPC', async (_, query, wanted) => {
    const { items } = await expectSameAnswer(calls.events(user, id, query));
    expect(items).toEqual(numbered(wanted));
  });

  it('gets them from a time with another offset', async () => {
    const from = at(4 + 5.5 * 3_600_000).replace('Z', '+05:30');
    expect((await readEvents(user, id, { from })).events).toEqual(numbered((n) => n >= 4));
  });

  it("finds matching events of long ago, behind a full page of today's", async () => {
    const key = await mintAgedKey(sql, user);
    const failed = [30, 40].map((days) =>
      makeEvent(key.id, {
        occurredAt: new Date(Date.now() - days * 86_400_000).toISOString(),
        statusCode: 502,
      }),
    );
    const recent = Array.from({ length: 9 }, (_, n) => makeEvent(key.id, { occurredAt: at(-n) }));
    expect(await recordUsage(gateway, [...failed, ...recent])).toMatchObject({ recorded: 11 });
    const read = async (query: EventQuery) => (await readEvents(user, key.id, query)).events;
    expect(await read({ limit: 2 })).toEqual(recent.slice(0, 2));
    expect(await read({ limit: 2, statusCode: 502 })).toEqual(failed);
    expect(await read({ limit: 5, page: 2 })).toEqual([...recent.slice(5), failed[0]]);
  });

  it('can use bounds that are exact to the microsecond', async () => {
    const key = await mintKey(user);
    const exact = makeEvent(key.id, { occurredAt: microsecondsAfter(at(0), 5) });
    await insertEvents(sql, [exact]);
    const count = async (query: EventQuery) =>
      (await expectSameAnswer(calls.events(user, key.id, query))).items.length;
    expect(await count({ from: microsecondsAfter(at(0), 5) })).toBe(1);
    expect(await count({ from: microsecondsAfter(at(0), 6) })).toBe(0);
    expect(await count({ to: microsecondsAfter(at(0), 6) })).toBe(1);
    expect(await count({ to: microsecondsAfter(at(0), 5) })).toBe(0);
  });
});
