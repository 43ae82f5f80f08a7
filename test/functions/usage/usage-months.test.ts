import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectProblem } from '../../support/contract.ts';
import { mintAgedKey, mintKey } from '../../support/key-scenes.ts';
import { connectGateway, connectOwner, newUser, type Persona } from '../../support/personas.ts';
import { beginOf, insertUsage, period, readMonth, report } from '../../support/usage-scenes.ts';

const sql = connectOwner();
const gateway = connectGateway();
let user: Persona;
let id: string;

beforeAll(async () => {
  user = await newUser();
  ({ id } = await mintKey(user));
});

afterAll(() => Promise.all([sql.end(), gateway.end()]));

describe('a user who reads the usage of a month', () => {
  it('gets the current month by name and by default', async () => {
    await report(gateway, id, [{ bytesSent: 100, bytesReceived: 1_000 }]);
    const usage = await readMonth(user, period(0));
    expect(usage).toEqual({
      totalBandwidthBytes: 1_100,
      totalRequests: 1,
      activeKeys: 1,
      tierBreakdown: { developer: 1 },
    });
    expect(await readMonth(user)).toEqual(usage);
  });

  it('gets each of the last 13 months, with the keys that are active now', async () => {
    for (let back = 1; back <= 13; back += 1) {
      const usage = { requests: back, bytesSent: back * 1_000, bytesReceived: 7 };
      await insertUsage(sql, id, beginOf(period(-back)), usage);
    }
    for (let back = 1; back <= 13; back += 1) {
      expect(await readMonth(user, period(-back))).toEqual({
        totalBandwidthBytes: back * 1_000 + 7,
        totalRequests: back,
        activeKeys: 1,
        tierBreakdown: { developer: 1 },
      });
    }
  });

  it('gets a month in UTC, from its first moment to its last', async () => {
    const owner = await newUser();
    const key = await mintAgedKey(sql, owner);
    const [thisMonth, lastMonth] = [beginOf(period(0)).getTime(), beginOf(period(-1)).getTime()];
    const at = (ms: number, bytesSent: number) => ({
      occurredAt: new Date(ms).toISOString(),
      bytesSent,
      bytesReceived: 0,
    });
    await report(gateway, key.id, [
      at(thisMonth, 1),
      at(thisMonth - 1, 20),
      at(lastMonth, 300),
      at(lastMonth - 1, 4_000),
    ]);
    const bytes = async (ahead: number) =>
      (await readMonth(owner, period(ahead))).totalBandwidthBytes;
    expect([await bytes(0), await bytes(-1), await bytes(-2)]).toEqual([1, 320, 4_000]);
  });

  it('gets the usage of deleted keys too', async () => {
    const owner = await newUser();
    const key = await mintKey(owner);
    const usage = { requests: 2, bytesSent: 3, bytesReceived: 4 };
    await insertUsage(sql, key.id, beginOf(period(-1)), usage);
    await owner.api.DELETE('/api/v1/proxy/keys/{id}', { params: { path: { id: key.id } } });
    expect(await readMonth(owner, period(-1))).toEqual({
      totalBandwidthBytes: 7,
      totalRequests: 2,
      activeKeys: 0,
      tierBreakdown: {},
    });
  });
});

describe.each(['/api/v1/proxy/usage', '/api/v1/proxy/usage/keys'])(
  'a user who requests %s',
  (path) => {
    it.each([
      ['an unknown parameter', 'month=2026-01', 'month'],
      ["another route's parameter", 'from=2026-01-01T00:00:00Z', 'from'],
      ['a repeated period', `period=${period(0)}&period=${period(0)}`, 'period'],
    ])('gets the name of the invalid parameter: %s', async (_, query, name) => {
      const response = await user.request('GET', `${path}?${query}`);
      const { errors } = await expectProblem(response, 400, 'invalid_request');
      expect(errors?.map((error) => error.path)).toEqual([name]);
    });
  },
);
