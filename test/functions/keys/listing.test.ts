import { afterAll, describe, expect, it } from 'vitest';
import { listKeys, mintKey } from '../../support/key-scenes.ts';
import { connectOwner, newUser } from '../../support/personas.ts';
import { overrideLimits } from '../../support/seeded-keys.ts';

const path = '/api/v1/proxy/keys';
const sql = connectOwner();

afterAll(() => sql.end());

describe('a user who lists keys', () => {
  it('gets an empty array if they have none', async () => {
    expect(await listKeys(await newUser())).toEqual([]);
  });

  it("gets a bare array with exactly each key's summary", async () => {
    const user = await newUser();
    const { secret, basicAuth, rotatedAt, ...summary } = await mintKey(user, { label: 'only' });
    expect(await listKeys(user)).toEqual([
      {
        ...summary,
        bandwidthUsedThisPeriodBytes: 0,
        state: 'active',
        quotaUsedUpBy: null,
        lastUsedAt: null,
      },
    ]);
  });

  it('gets the newest first, in any state', async () => {
    const user = await newUser();
    const keys = [await mintKey(user), await mintKey(user), await mintKey(user)] as const;
    await user.api.DELETE(`${path}/{id}`, { params: { path: { id: keys[1].id } } });
    await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${keys[2].id}`;
    const listed = await listKeys(user);
    expect(listed.map(({ id, active }) => ({ id, active }))).toEqual([
      { id: keys[2].id, active: false },
      { id: keys[1].id, active: false },
      { id: keys[0].id, active: true },
    ]);
  });

  it("sees no other user's keys", async () => {
    const [user, other] = [await newUser(), await newUser()];
    const { id } = await mintKey(user);
    await mintKey(other);
    expect((await listKeys(user)).map((key) => key.id)).toEqual([id]);
  });

  it("sees the limits that an admin has set on a key instead of the tier's", async () => {
    const user = await newUser();
    const { id } = await mintKey(user);
    await overrideLimits(sql, id, { bandwidth_limit_bytes: 0, rate_limit: 7 });
    expect(await listKeys(user)).toMatchObject([{ bandwidthLimitBytes: 0, rateLimit: 7 }]);
  });
});
