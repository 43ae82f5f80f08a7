import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { askBy } from '../../support/both-ways.ts';
import { calls } from '../../support/calls.ts';
import type { MintedKey } from '../../support/contract.ts';
import { getKey, insertKeys, listKeys, mintKey } from '../../support/key-scenes.ts';
import { connectGateway, connectOwner, newUser, type Persona } from '../../support/personas.ts';

const sql = connectOwner();
const gateway = connectGateway();
let owner: Persona;
let key: MintedKey;

beforeEach(async () => {
  owner = await newUser();
  key = await mintKey(owner);
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

/** Makes the key expire now. */
async function expire(): Promise<void> {
  await sql`update proxy_private.proxy_keys set expires_at = now() where id = ${key.id}`;
}

async function lookUp() {
  const [row] = await gateway<{ active: boolean; suspended: boolean; ms: string | null }[]>`
    select active, suspended, expires_in_ms as ms from gateway.lookup_proxy_key(${key.keyId})`;
  return row;
}

const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

describe('a key with an expiry in the future', () => {
  it('is active, and gateways know the remaining time', async () => {
    const expiresAt = inAnHour();
    await owner.api.PATCH('/api/v1/proxy/keys/{id}', {
      params: { path: { id: key.id } },
      body: { expiresAt },
    });
    expect(await getKey(owner, key.id)).toMatchObject({ active: true, expiresAt });
    const found = await lookUp();
    expect(found).toMatchObject({ active: true });
    expect(Number(found?.ms)).toBeGreaterThan(0);
    expect(Number(found?.ms)).toBeLessThanOrEqual(3_600_000);
  });
});

describe('an expired key', () => {
  it('is inactive to its owner in every list and filter', async () => {
    const { id } = await mintKey(owner);
    await expire();
    expect(await listKeys(owner)).toMatchObject([
      { id, active: true },
      { id: key.id, active: false },
    ]);
    for (const [active, expected] of [
      [true, id],
      [false, key.id],
    ] as const) {
      const { data } = await owner.api.GET('/api/v1/proxy/keys', { params: { query: { active } } });
      expect(data?.map((listed) => listed.id)).toEqual([expected]);
      const { data: page } = await owner.supabase.rpc('list_proxy_keys', { active });
      expect(page?.items).toMatchObject([{ id: expected, active }]);
    }
    const { data: rows } = await owner.supabase
      .from('proxy_key_summaries')
      .select('id')
      .is('active', false);
    expect(rows).toEqual([{ id: key.id }]);
  });

  it('is not counted as active in the usage', async () => {
    await mintKey(owner, { tier: 'team' });
    await expire();
    const { data } = await owner.api.GET('/api/v1/proxy/usage');
    expect(data).toMatchObject({ activeKeys: 1, tierBreakdown: { team: 1 } });
    const { data: row } = await owner.supabase.rpc('proxy_usage_summary');
    expect(row).toMatchObject({ active_keys: 1, tier_breakdown: { team: 1 } });
  });

  it('is inactive to gateways, but not suspended', async () => {
    await expire();
    const found = await lookUp();
    expect(found).toMatchObject({ active: false, suspended: false });
    expect(Number(found?.ms)).toBeLessThanOrEqual(0);
  });

  it.each(Object.entries(askBy))(
    'cannot be rotated, which does not count as a rotation, by %s',
    async (_, ask) => {
      await expire();
      expect(await ask(calls.rotate(owner, key.id))).toMatchObject({
        status: 409,
        code: 'key_expired',
      });
      expect(await getKey(owner, key.id)).toMatchObject({ rotatedAt: null });
      const [row] = await sql`
      select count(*)::int as windows from proxy_private.write_windows
      where user_id = ${owner.id} and action = 'rotate'`;
      expect(row).toEqual({ windows: 0 });
    },
  );

  it.each([
    ['another expiry', inAnHour],
    ['no expiry', () => null],
  ])('becomes active again with %s, and its secret still works', async (_, expiry) => {
    const hash = async () => {
      const [row] = await gateway`
        select secret_hash from gateway.lookup_proxy_key(${key.keyId})`;
      return row;
    };
    const before = await hash();
    await expire();
    for (const ask of Object.values(askBy)) {
      const expiresAt = expiry();
      const { data } = await ask(calls.update(owner, key.id, { expiresAt }));
      expect(data).toMatchObject({ active: true, expiresAt });
      expect(await lookUp()).toMatchObject({ active: true });
    }
    expect(await hash()).toEqual(before);
    expect((await askBy.rpc(calls.rotate(owner, key.id))).code).toBeNull();
  });

  it('still accepts changes to its other fields, and stays expired', async () => {
    await expire();
    for (const ask of Object.values(askBy)) {
      const { data } = await ask(calls.update(owner, key.id, { allowedIps: ['192.0.2.1'] }));
      expect(data).toMatchObject({ active: false, allowedIps: ['192.0.2.1/32'] });
    }
  });

  it('can be deleted', async () => {
    await expire();
    expect((await askBy.route(calls.delete(owner, key.id))).code).toBeNull();
    expect(await getKey(owner, key.id)).toMatchObject({ deletedAt: expect.any(String) });
  });

  it('counts towards the limit of 100 keys until it is deleted', async () => {
    await insertKeys(sql, owner.id, { count: 99 });
    await expire();
    for (const ask of Object.values(askBy)) {
      expect(await ask(calls.mint(owner, { label: 'one too many' }))).toMatchObject({
        status: 409,
        code: 'key_limit_reached',
      });
    }
    await askBy.rpc(calls.delete(owner, key.id));
    expect((await askBy.route(calls.mint(owner, { label: 'the 100th' }))).code).toBeNull();
  });
});
