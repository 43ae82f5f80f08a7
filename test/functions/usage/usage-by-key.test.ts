import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectSameAnswer, expectSameRefusal } from '../../support/both-ways.ts';
import { calls, type Fields } from '../../support/calls.ts';
import { insertKeys, mintKey } from '../../support/key-scenes.ts';
import { connectGateway, connectOwner, newUser, type Persona } from '../../support/personas.ts';
import { endOf } from '../../support/usage-events.ts';
import {
  type ByKeyQuery,
  beginOf,
  insertUsage,
  period,
  readByKey,
  readMonth,
  report,
  sumUp,
} from '../../support/usage-scenes.ts';

const sql = connectOwner();
const gateway = connectGateway();
let user: Persona;

beforeAll(async () => {
  user = await newUser();
});

afterAll(() => Promise.all([sql.end(), gateway.end()]));

const earlier = new Date(Date.now() - 60_000).toISOString();

describe('a user who reads usage by key', () => {
  it('gets an empty array if they have no keys', async () => {
    expect(await readByKey(user)).toEqual({ keys: [], link: null });
  });

  it('gets each key with the sum of its events, newest key first', async () => {
    const [used, deleted, unused] = [
      await mintKey(user, { label: 'used' }),
      await mintKey(user, { label: 'deleted', tier: 'team' }),
      await mintKey(user, { label: 'unused', liveMode: false }),
    ];
    const now = new Date().toISOString();
    const durationMs = 90_000;
    const ofUsed = await report(gateway, used.id, [
      { occurredAt: now, bytesSent: 1, bytesReceived: 2 ** 40, durationMs },
      { occurredAt: earlier, bytesSent: 20, bytesReceived: 0 },
      { occurredAt: earlier, bytesSent: 300, bytesReceived: 5, count: 0 },
    ]);
    const path = { id: deleted.id };
    await user.api.DELETE('/api/v1/proxy/keys/{id}', { params: { path } });
    const ofDeleted = await report(gateway, deleted.id, [{ occurredAt: earlier, durationMs: 0 }]);

    const { keys, link } = await readByKey(user);
    const about = ({ id, keyId, label, tier, liveMode }: typeof used, active: boolean) => ({
      id,
      keyId,
      label,
      tier,
      liveMode,
      active,
      billed: liveMode,
    });
    expect(keys).toEqual([
      { ...about(unused, true), ...sumUp([]), lastUsedAt: null },
      { ...about(deleted, false), ...sumUp(ofDeleted), lastUsedAt: earlier },
      {
        ...about(used, true),
        ...sumUp(ofUsed),
        lastUsedAt: endOf({ occurredAt: now, durationMs }),
      },
    ]);
    expect(link).toBeNull();
    const total = sumUp(keys);
    expect(await readMonth(user)).toMatchObject({
      totalBandwidthBytes: total.bytesSent + total.bytesReceived,
      totalRequests: total.requests,
    });
  });

  it('gets another month by name, with the last use in that month', async () => {
    const owner = await newUser();
    const { id } = await mintKey(owner);
    await report(gateway, id, [{ bytesSent: 1, bytesReceived: 1 }]);
    const at = beginOf(period(-13));
    const usage = { requests: 3, bytesSent: 50, bytesReceived: 6 };
    await insertUsage(sql, id, at, usage);
    const of = async (month: string) => (await readByKey(owner, { period: month })).keys;
    expect(await of(period(-13))).toMatchObject([{ ...usage, lastUsedAt: at.toISOString() }]);
    expect(await of(period(-1))).toMatchObject([{ ...sumUp([]), lastUsedAt: null }]);
    expect(await of(period(0))).toMatchObject([{ requests: 1 }]);
    expect(await of(period(0))).toEqual((await readByKey(owner)).keys);
  });

  it('gets all keys in one call, more than a PostgREST page holds', async () => {
    const owner = await newUser();
    const keys = await insertKeys(sql, owner.id, { count: 1_200, deleted: true });
    await sql`
      insert into proxy_private.proxy_usage_monthly
      select id, ${beginOf(period(0)).toISOString().slice(0, 10)}::date, user_id, 1, 2, 3, now()
      from proxy_private.proxy_keys where user_id = ${owner.id}`;
    const read = await readByKey(owner);
    expect(new Set(read.keys.map(({ id }) => id))).toEqual(new Set(keys.map(({ id }) => id)));
    expect(sumUp(read.keys)).toEqual({ requests: 1_200, bytesSent: 2_400, bytesReceived: 3_600 });
  });
});

describe('a user who reads usage in pages and with filters', () => {
  let owner: Persona;

  beforeAll(async () => {
    owner = await newUser();
    await insertKeys(sql, owner.id, { count: 7 });
    await insertKeys(sql, owner.id, { count: 3, tier: 'team', deleted: true });
    await mintKey(owner, { label: 'Scraper of Shops', liveMode: false });
  });

  it.each([1, 4, 11, 200])('reaches the end by Link, with %i per page', async (limit) => {
    const all = (await readByKey(owner, { period: period(-1) })).keys;
    expect(all).toHaveLength(11);
    const seen: typeof all = [];
    let cursor: string | null = null;
    do {
      const query: ByKeyQuery = { period: period(-1), limit, ...(cursor ? { cursor } : {}) };
      const { keys, link } = await readByKey(owner, query);
      seen.push(...keys);
      const next = new URLSearchParams(link?.slice(2, link.indexOf('>')));
      if (link) expect([next.get('period'), next.get('limit')]).toEqual([period(-1), `${limit}`]);
      cursor = next.get('cursor');
    } while (cursor);
    expect(seen).toEqual(all);
  });

  it.each<[ByKeyQuery, number]>([
    [{ active: true }, 8],
    [{ active: false }, 3],
    [{ tier: 'team' }, 3],
    [{ tier: 'enterprise' }, 0],
    [{ liveMode: false }, 1],
    [{ label: 'OF shop' }, 1],
    [{ label: '%' }, 0],
    [{ label: 'key', tier: 'developer', active: true, liveMode: true }, 7],
  ])('gets the keys that match %o', async (query, count) => {
    expect((await readByKey(owner, query)).keys).toHaveLength(count);
  });
});

describe('a user who reads which keys used the most', () => {
  it('gets the top keys of that month, by bytes or by requests', async () => {
    const owner = await newUser();
    const [many, few, unused] = await insertKeys(sql, owner.id, { count: 3 });
    const [gone] = await insertKeys(sql, owner.id, { count: 1, deleted: true });
    const month = beginOf(period(-1));
    const use = (id: string | undefined, requests: number, bytesSent: number, at = month) =>
      insertUsage(sql, id ?? '', at, { requests, bytesSent, bytesReceived: 1 });
    await use(many?.id, 100, 5);
    await use(few?.id, 3, 70);
    await use(gone?.id, 20, 10);
    await use(unused?.id, 999, 999, beginOf(period(-2)));
    const most = async (fields: Fields) => {
      const ways = calls.usageByKey(owner, { period: period(-1), ...fields });
      const { items, cursor } = await expectSameAnswer(ways);
      expect(cursor).toBeNull();
      return items.map(({ id }) => id);
    };
    expect(await most({ sort: 'bytes' })).toEqual([few?.id, gone?.id, many?.id]);
    expect(await most({ sort: 'requests', limit: 2 })).toEqual([many?.id, gone?.id]);
    expect(await most({ sort: 'bytes', active: true, limit: 1 })).toEqual([few?.id]);
  });

  it('is refused another sort, and a cursor', async () => {
    const refused = (fields: Fields, field: string) =>
      expectSameRefusal(calls.usageByKey(user, fields), 400, 'invalid_request', field);
    await refused({ sort: 'errors' }, 'sort');
    await refused({ sort: 'bytes', cursor: 'A'.repeat(32) }, 'cursor');
    await refused({ sort: 'bytes', limit: 201 }, 'limit');
  });
});
