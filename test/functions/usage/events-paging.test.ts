import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectProblem } from '../../support/contract.ts';
import {
  followLinks,
  insertEvents,
  makeEvent,
  microsecondsAfter,
  readEvents,
  type UsageEvent,
} from '../../support/event-scenes.ts';
import { fillEvents } from '../../support/fill-events.ts';
import { mintKey } from '../../support/key-scenes.ts';
import { connectOwner, newUser, type Persona } from '../../support/personas.ts';

const sql = connectOwner();
let user: Persona;

beforeAll(async () => {
  user = await newUser();
});

afterAll(() => sql.end());

const moment = new Date(Date.now() - 3_600_000).toISOString().replace(/\d{3}Z$/, '000Z');

/** A key with that many events, `apart` microseconds apart; newest first. */
async function keyWithEvents(
  count: number,
  apart = 1,
): Promise<{ id: string; events: UsageEvent[]; ids: string[] }> {
  const { id } = await mintKey(user);
  const made = Array.from({ length: count }, (_, n) =>
    makeEvent(id, { occurredAt: microsecondsAfter(moment, (count - n) * apart) }),
  );
  await insertEvents(sql, made);
  const events = apart === 0 ? made.toSorted((a, b) => (a.eventId < b.eventId ? 1 : -1)) : made;
  return { id, events, ids: events.map(({ eventId }) => eventId) };
}

const idsOf = (events: UsageEvent[]) => events.map(({ eventId }) => eventId);

describe('a user who reads events in pages', () => {
  it('gets 50 per page, or up to 200 on request', async () => {
    const { id, ids } = await keyWithEvents(201);
    const sizeOf = async (limit?: number) => {
      const { events } = await readEvents(user, id, limit === undefined ? {} : { limit });
      expect(idsOf(events)).toEqual(ids.slice(0, events.length));
      return events.length;
    };
    expect(await sizeOf()).toBe(50);
    expect(await sizeOf(1)).toBe(1);
    expect(await sizeOf(200)).toBe(200);
  });

  it('reaches the end by Link, whether or not the limit divides the number of events', async () => {
    const { id, ids } = await keyWithEvents(12);
    const seven = await followLinks(user, id, { limit: 7 });
    expect(seven.map(idsOf)).toEqual([ids.slice(0, 7), ids.slice(7)]);
    const six = await followLinks(user, id, { limit: 6 });
    expect(six.map(idsOf)).toEqual([ids.slice(0, 6), ids.slice(6)]);
    expect(await followLinks(user, id, { limit: 12 })).toHaveLength(1);
  });

  it('gets each event of the same microsecond once', async () => {
    const { id, ids } = await keyWithEvents(11, 0);
    const pages = await followLinks(user, id, { limit: 2 });
    expect(pages).toHaveLength(6);
    expect(pages.flat().map(({ eventId }) => eventId)).toEqual(ids);
  });

  it('keeps the filters on every page', async () => {
    const { id } = await mintKey(user);
    const wanted = Array.from({ length: 5 }, (_, n) =>
      makeEvent(id, {
        occurredAt: microsecondsAfter(moment, 100 - n),
        statusCode: 504,
        targetHost: 'a&b=c+d e#é',
        code: 'target_timeout',
      }),
    );
    const others = wanted.flatMap(({ occurredAt }) => [
      makeEvent(id, { occurredAt }),
      makeEvent(id, { occurredAt, statusCode: 504, code: 'target_timeout' }),
      makeEvent(id, { occurredAt, statusCode: 504, targetHost: 'a&b=c+d e#é' }),
    ]);
    await insertEvents(sql, [...others, ...wanted]);
    const query = {
      statusCode: 504,
      targetHost: 'A&B=c+D e#é',
      code: 'target_timeout',
      from: moment,
      limit: 2,
    };
    const pages = await followLinks(user, id, query);
    expect(pages.map(idsOf)).toEqual([
      idsOf(wanted.slice(0, 2)),
      idsOf(wanted.slice(2, 4)),
      idsOf(wanted.slice(4)),
    ]);
  });

  it('misses and repeats no event when others arrive meanwhile', async () => {
    const { id, ids } = await keyWithEvents(6);
    const { events, link } = await readEvents(user, id, { limit: 3 });
    await insertEvents(sql, [
      makeEvent(id),
      makeEvent(id, { occurredAt: microsecondsAfter(moment, 6) }),
    ]);
    const cursor = new URLSearchParams(link?.slice(2, link.indexOf('>'))).get('cursor') ?? '';
    const rest = await readEvents(user, id, { limit: 100, cursor });
    expect([...idsOf(events), ...idsOf(rest.events)]).toEqual(ids);
  });

  it('gets a page by number, and the following ones by Link', async () => {
    const { id, ids } = await keyWithEvents(10);
    for (const [page, first] of [
      [1, 0],
      [2, 4],
      [3, 8],
      [4, 12],
    ] as const) {
      const { events } = await readEvents(user, id, { page, limit: 4 });
      expect(idsOf(events)).toEqual(ids.slice(first, first + 4));
    }
    const pages = await followLinks(user, id, { page: 2, limit: 3 });
    expect(pages.map(idsOf)).toEqual([ids.slice(3, 6), ids.slice(6, 9), ids.slice(9)]);
  });

  it('gets the last of the newest 10,000 by number, and later ones by Link', async () => {
    const { id } = await mintKey(user);
    const occurred_at = `'${moment}'::timestamptz - make_interval(secs => n)`;
    await fillEvents(sql, id, 10_003, { occurred_at, bytes_sent: 'n' });
    for (const query of [
      { page: 50, limit: 200 },
      { page: 10_000, limit: 1 },
    ]) {
      const { events, link } = await readEvents(user, id, query);
      expect(events.at(-1)?.bytesSent).toBe(10_000);
      expect(link).not.toBeNull();
    }
    const beyond = await followLinks(user, id, { page: 50, limit: 200 });
    expect(beyond[1]?.map(({ bytesSent }) => bytesSent)).toEqual([10_001, 10_002, 10_003]);
  });
});

describe('a user who sends an invalid query', () => {
  it.each([
    ['an unknown parameter', 'colour=red', 'colour'],
    ['the SQL name of a parameter', 'status_code=200', 'status_code'],
    ['a parameter in another case', 'Limit=5', 'Limit'],
    ['a repeated limit', 'limit=5&limit=5', 'limit'],
    ['a repeated host', 'targetHost=a&targetHost=b', 'targetHost'],
    ['a limit that is not a number', 'limit=ten', 'limit'],
    ['an empty limit', 'limit=', 'limit'],
    ['a fractional limit', 'limit=1.0', 'limit'],
    ['a limit in exponent notation', 'limit=1e1', 'limit'],
    ['a limit with a sign', 'limit=%2B5', 'limit'],
    ['a limit of many digits', 'limit=00000000000005', 'limit'],
    ['a page that is not a number', 'page=first', 'page'],
    ['a status that is not a number', 'statusCode=2xx', 'statusCode'],
    ['a host that no text can hold', 'targetHost=%00', 'targetHost'],
    ['a malformed code', 'code=Rate-limited', 'code'],
    ['a time whose plus sign is not encoded', 'from=2026-01-01T00:00:00+02:00', 'from'],
  ])("gets the parameter's name: %s", async (_, query, path) => {
    const { id } = await mintKey(user);
    const response = await user.request('GET', `/api/v1/proxy/keys/${id}/events?${query}`);
    const problem = await expectProblem(response, 400, 'invalid_request');
    expect(problem.errors?.map((error) => error.path)).toEqual([path]);
  });

  it('gets all names at once', async () => {
    const response = await user.request(
      'GET',
      '/api/v1/proxy/keys/x/events?limit=0&page=0&statusCode=1&colour=red',
    );
    const problem = await expectProblem(response, 400, 'invalid_request');
    expect(problem.errors?.map((error) => error.path).sort()).toEqual([
      'colour',
      'limit',
      'page',
      'statusCode',
    ]);
  });
});
