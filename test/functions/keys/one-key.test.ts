import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { askBy } from '../../support/both-ways.ts';
import { calls, ofAdmins } from '../../support/calls.ts';
import type { MintedKey } from '../../support/contract.ts';
import { getKey, listKeys, mintKey } from '../../support/key-scenes.ts';
import { connectOwner, newAdmin, newUser, type Persona } from '../../support/personas.ts';

const sql = connectOwner();
let owner: Persona;
let key: MintedKey;

beforeEach(async () => {
  owner = await newUser();
  key = await mintKey(owner, { label: 'looked at', tier: 'team', liveMode: false });
});
afterAll(() => sql.end());

describe('an owner who reads one key', () => {
  it.each(['id', 'keyId'] as const)(
    'names it by its %s and gets all of its fields',
    async (name) => {
      const { secret, basicAuth, ...minted } = key;
      expect(await getKey(owner, key[name])).toEqual({
        ...minted,
        tunnelLimit: 1000,
        state: 'active',
        quotaUsedUpBy: null,
        limitOverrides: {},
        bandwidthUsedThisPeriodBytes: 0,
        lastUsedAt: null,
        graceEndsAt: null,
        allowedIps: [],
        expiresAt: null,
        suspendedAt: null,
        suspendedReason: null,
        deletedAt: null,
      });
    },
  );
});

describe.each(Object.entries(askBy))('an owner, by %s,', (_, ask) => {
  const detail = async (name: 'id' | 'keyId' = 'id') => {
    const { code, data } = await ask(calls.get(owner, key[name]));
    expect(code).toBeNull();
    return data ?? {};
  };

  it('sees at least the fields of the list', async () => {
    const [listed] = await listKeys(owner);
    expect(await detail('keyId')).toMatchObject({ ...listed, rotatedAt: null });
  });

  it('sees a deleted key', async () => {
    await ask(calls.delete(owner, key.id));
    expect(await detail()).toMatchObject({ active: false, deletedAt: expect.any(String) });
  });

  it('sees the reason of a suspension only until the key is reactivated', async () => {
    const admin = await newAdmin();
    await ask(ofAdmins.suspend(admin, key.id));
    const suspended = { suspendedAt: expect.any(String), suspendedReason: 'because' };
    expect(await detail()).toMatchObject({ active: false, ...suspended, deletedAt: null });
    await ask(calls.reactivate(admin, key.id));
    const reactivated = { suspendedAt: null, suspendedReason: null };
    expect(await detail('keyId')).toMatchObject({ active: true, ...reactivated });
  });

  it('sees an expired key and when it expired', async () => {
    await sql`update proxy_private.proxy_keys set expires_at = '2026-02-03T04:05:06Z' where id = ${key.id}`;
    expect(await detail()).toMatchObject({ active: false, expiresAt: '2026-02-03T04:05:06.000Z' });
  });

  it('sees until when the previous secret works, and nothing about it afterwards', async () => {
    const { data } = await ask(calls.rotate(owner, key.id, { graceSeconds: 30 }));
    const { rotatedAt, graceEndsAt } = await detail();
    expect(rotatedAt).toBe(data?.rotatedAt);
    expect(Date.parse(String(graceEndsAt)) - Date.parse(String(rotatedAt))).toBe(30_000);
    await sql`update proxy_private.proxy_keys set grace_ends_at = now() where id = ${key.id}`;
    expect(await detail()).toMatchObject({ graceEndsAt: null });
  });

  it("sees the limits that an admin has set instead of the tier's", async () => {
    await ask(ofAdmins.limits(await newAdmin(), key.id));
    expect(await detail()).toMatchObject({ bandwidthLimitBytes: 1, rateLimit: 1, active: true });
  });
});
