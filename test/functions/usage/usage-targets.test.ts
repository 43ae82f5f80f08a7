import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectSameAnswer, expectSameRefusal } from '../../support/both-ways.ts';
import { calls, type Fields } from '../../support/calls.ts';
import { mintAgedKey } from '../../support/key-scenes.ts';
import { connectGateway, connectOwner, newUser, type Persona } from '../../support/personas.ts';
import { recordUsage, usageEvent } from '../../support/usage-events.ts';
import { beginOf, dayMs, period } from '../../support/usage-scenes.ts';
import { parseCsv, requestCsv } from './csv-scenes.ts';

const sql = connectOwner();
const gateway = connectGateway();
let owner: Persona;
let other: Persona;
let one: { id: string; keyId: string };
let two: { id: string; keyId: string };

const yesterday = new Date(Date.now() - dayMs).toISOString();
const site = (targetHost: string) => ({
  occurredAt: yesterday,
  targetHost,
  targetSite: targetHost.split('.').slice(-2).join('.'),
});

beforeAll(async () => {
  [owner, other] = await Promise.all([newUser(), newUser()]);
  one = await mintAgedKey(sql, owner);
  two = await mintAgedKey(sql, owner, { liveMode: false });
  const theirs = await mintAgedKey(sql, other);
  const failed = { code: 'target_timeout', bytesSent: 0, bytesReceived: 0 };
  const { rejected } = await recordUsage(gateway, [
    usageEvent(one.id, { ...site('a.example.com'), bytesReceived: 5_000 }),
    usageEvent(one.id, site('b.example.com')),
    usageEvent(one.id, { ...site('b.example.com'), ...failed }),
    usageEvent(two.id, { ...site('b.example.com'), bytesReceived: 2_000 }),
    usageEvent(two.id, { occurredAt: yesterday, targetHost: '203.0.113.5', bytesReceived: 3_000 }),
    usageEvent(two.id, {
      ...site('b.example.com'),
      code: 'rate_limited',
      bytesSent: 0,
      bytesReceived: 0,
    }),
    usageEvent(theirs.id, site('secret.example.org')),
  ]);
  expect(rejected).toEqual([]);
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

/** The answer, which is alike over HTTP and RPC. */
const read = async (query: Fields = {}, by = owner) =>
  (await expectSameAnswer(calls.usageByTarget(by, query))).data as unknown as {
    from: string;
    to: string;
    keptFrom: string;
    targets: { host: string | null; site: string | null }[];
    totals: object;
    other: object;
    unlisted: object;
  };
const figures = (
  requests: number,
  errors: number,
  bytesSent: number,
  bytesReceived: number,
  billedBytes = bytesSent + bytesReceived,
) => ({ requests, errors, bytesSent, bytesReceived, billedBytes });
const a = { host: 'a.example.com', site: 'example.com', ...figures(1, 0, 100, 5_000) };
const b = { host: 'b.example.com', site: 'example.com', ...figures(3, 1, 200, 3_000, 1_100) };
const address = { host: '203.0.113.5', site: null, ...figures(1, 0, 100, 3_000, 0) };
const nothing = figures(0, 0, 0, 0);

describe('a user who reads usage by target', () => {
  it('gets the usage of all keys for each host, most bytes first', async () => {
    expect(await read()).toMatchObject({
      by: 'host',
      sort: 'bytes',
      targets: [a, b, address],
      totals: figures(5, 1, 400, 11_000, 6_200),
      other: nothing,
      unlisted: nothing,
    });
  });

  it.each([
    ['requests', [b, a, address]],
    ['errors', [b, a, address]],
  ])('gets hosts by %s', async (sort, items) => {
    expect((await read({ sort })).targets).toEqual(items);
  });

  it('gets one sum for the targets beyond the limit', async () => {
    expect(await read({ limit: 1 })).toMatchObject({
      targets: [a],
      unlisted: figures(4, 1, 300, 6_000, 1_100),
      totals: figures(5, 1, 400, 11_000, 6_200),
    });
  });

  it('gets sites, and each host without a site', async () => {
    expect((await read({ by: 'site' })).targets).toEqual([
      { host: null, site: 'example.com', ...figures(4, 1, 300, 8_000, 6_200) },
      address,
    ]);
  });

  it.each(['id', 'keyId'] as const)('gets the targets of one key, by its %s', async (name) => {
    expect((await read({ keyId: two[name] })).targets).toEqual([
      address,
      { ...b, ...figures(1, 0, 100, 2_000, 0) },
    ]);
  });

  it('gets whole days, of a month or of a span', async () => {
    const day = yesterday.slice(0, 10);
    const span = { from: `${day}T12:00:00Z`, to: `${day}T12:00:00.000001Z` };
    const spanned = await read(span);
    expect(spanned.from).toBe(`${day}T00:00:00.000Z`);
    expect(Date.parse(spanned.to) - Date.parse(spanned.from)).toBe(dayMs);
    expect(spanned.targets).toHaveLength(3);
    const before = await read({
      from: beginOf(period(-1)).toISOString(),
      to: `${day}T00:00:00Z`,
    });
    expect(before).toMatchObject({ targets: [], totals: nothing });
    const month = await read({ period: yesterday.slice(0, 7) });
    expect(month.from).toBe(beginOf(yesterday.slice(0, 7)).toISOString());
    expect(month.targets).toHaveLength(3);
  });

  it('gets the first day for which targets are kept', async () => {
    const { keptFrom } = await read();
    const days = (Date.now() - Date.parse(keptFrom)) / dayMs;
    expect(Math.floor(days)).toBe(90);
  });

  it("gets nothing of other users, who get nothing of the user's", async () => {
    const theirs = await read({}, other);
    expect(theirs.targets.map(({ host }) => host)).toEqual(['secret.example.org']);
    await expectSameRefusal(calls.usageByTarget(other, { keyId: one.id }), 404, 'not_found');
  });

  it('gets usage beyond the counted hosts and sites as other', async () => {
    const crowd = await newUser();
    const key = await mintAgedKey(sql, crowd);
    const events = Array.from({ length: 2_010 }, (_, n) =>
      usageEvent(key.id, site(`w.s-${n}.example`)),
    );
    await recordUsage(gateway, events);
    const answer = await read({ limit: 200, sort: 'requests' }, crowd);
    const [sent, received] = [100, 1_000];
    const times = (n: number) => figures(n, 0, n * sent, n * received);
    expect(answer).toMatchObject({
      other: times(10),
      unlisted: times(1_800),
      totals: times(2_010),
    });
    const lines = parseCsv(await readCsv(crowd, 'targets'));
    expect(lines).toHaveLength(1 + 2_000 + 2);
    expect(lines.filter(([kind]) => kind === 'site')).toHaveLength(1_000);
    expect(lines.at(-1)).toEqual([
      'other',
      '',
      '',
      '10',
      '0',
      ...[sent, received, sent + received].map((n) => `${10 * n}`),
    ]);
  });
});

async function readCsv(by: Persona, path: string): Promise<string> {
  const response = await requestCsv(by, `/api/v1/proxy/usage/${path}`);
  expect(response.status).toBe(200);
  expect(response.headers.get('Content-Type')).toMatch(/^text\/csv\b/);
  return response.text();
}

describe('a user who reads usage by target as CSV', () => {
  it('gets a row for each target, one for unlisted and one for other', async () => {
    expect(parseCsv(await readCsv(owner, 'targets?sort=requests'))).toEqual([
      ['kind', 'host', 'site', 'requests', 'errors', 'bytesSent', 'bytesReceived', 'billedBytes'],
      ['host', 'b.example.com', 'example.com', '3', '1', '200', '3000', '1100'],
      ['host', 'a.example.com', 'example.com', '1', '0', '100', '5000', '5100'],
      ['host', '203.0.113.5', '', '1', '0', '100', '3000', '0'],
      ['unlisted', '', '', '0', '0', '0', '0', '0'],
      ['other', '', '', '0', '0', '0', '0', '0'],
    ]);
  });

  it('gets no formulas', async () => {
    const user = await newUser();
    const key = await mintAgedKey(sql, user);
    const fields = {
      targetHost: '=cmd.example',
      targetSite: '=cmd.example',
      code: 'target_unreachable',
    };
    await recordUsage(gateway, [usageEvent(key.id, fields)]);
    expect(parseCsv(await readCsv(user, 'targets'))[1]?.slice(0, 3)).toEqual([
      'host',
      "'=cmd.example",
      "'=cmd.example",
    ]);
  });

  it('is refused a limit', async () => {
    const response = await requestCsv(owner, '/api/v1/proxy/usage/targets?limit=1');
    expect([response.status, (await response.json()).code]).toEqual([400, 'invalid_request']);
  });
});

it.each<[string, Fields]>([
  ['by', { by: 'domain' }],
  ['by', { by: '' }],
  ['sort', { sort: 'host' }],
  ['limit', { limit: 0 }],
  ['limit', { limit: 201 }],
  ['period', { period: '2026-13' }],
  ['period', { period: period(0), from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' }],
  ['period', { period: period(0), to: '2026-01-02T00:00:00Z' }],
  ['from', { from: '2026-01-01', to: '2026-01-02T00:00:00Z' }],
  ['from', { from: '2026-01-01T00:00:00Z', to: '2026-04-03T00:00:00.000001Z' }],
  ['to', { from: '2026-01-01T00:00:00Z', to: '2026-01-01T00:00:00Z' }],
])('the refusal names %s for %o', (parameter, query) =>
  expectSameRefusal(calls.usageByTarget(owner, query), 400, 'invalid_request', parameter).then(
    () => {},
  ),
);

it('92 days can be read', async () => {
  await read({ from: '2026-01-01T00:00:00Z', to: '2026-04-03T00:00:00Z' });
});

it('an unknown parameter is refused', async () => {
  const response = await owner.request('GET', '/api/v1/proxy/usage/targets?interval=day');
  expect([response.status, (await response.json()).code]).toEqual([400, 'invalid_request']);
});
