import { afterAll, describe, expect, it } from 'vitest';
import { askBy, keyOf } from '../../support/both-ways.ts';
import { calls } from '../../support/calls.ts';
import type { MintedKey } from '../../support/contract.ts';
import { connectGateway, connectOwner, newUser, type Persona } from '../../support/personas.ts';
import { ageKeys, overrideLimits } from '../../support/seeded-keys.ts';
import { readRollups, recordUsage, usageEvent } from '../../support/usage-events.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const most = 9007199254740991n;

async function newKey(): Promise<{ user: Persona; key: MintedKey }> {
  const user = await newUser();
  const key = keyOf(await askBy.rpc(calls.mint(user, { label: 'new' })));
  return { user, key };
}

describe('no figure or time is stored that an answer could not carry', () => {
  const refused = async (statement: (id: string) => PromiseLike<unknown>, id = '') =>
    expect(Promise.resolve(statement(id))).rejects.toMatchObject({ code: '23514' });

  it.each([`${most + 1n}`, '9223372036854775807', '-1'])("a tier's limit of %s", (bytes) =>
    refused(
      () => sql`
        update public.proxy_tiers set bandwidth_limit_bytes = ${bytes} where tier = 'developer'`,
    ),
  );

  it.each([0, -1, 1_000_001])('a tunnel limit of %s', async (tunnels) => {
    const { key } = await newKey();
    await refused(
      () => sql`update public.proxy_tiers set tunnel_limit = ${tunnels} where tier = 'developer'`,
    );
    await refused((id) => overrideLimits(sql, id, { tunnel_limit: tunnels }), key.id);
  });

  it('a tier without a tunnel limit', async () => {
    await expect(sql`
      insert into public.proxy_tiers (tier, bandwidth_limit_bytes, rate_limit, self_serve)
      values ('unlimited', 1, 1, true)`).rejects.toMatchObject({ code: '23502' });
  });

  it.each([`${most + 1n}`, '9223372036854775807', '-1'])("a key's limit of %s", async (bytes) => {
    const { key } = await newKey();
    const limits = `{"bandwidth_limit_bytes": ${bytes}}`;
    await refused(
      (id) => sql`
        update proxy_private.proxy_keys set limit_overrides = ${limits}::text::jsonb where id = ${id}`,
      key.id,
    );
  });

  it.each(['infinity', '-infinity', '1999-12-31T23:59:59Z', '2100-01-01T00:00:01Z'])(
    'a time of %s',
    async (time) => {
      const { key } = await newKey();
      const columns = ['created_at', 'expires_at', 'suspended_at', 'deleted_at', 'rotated_at'];
      for (const column of columns) {
        await refused(
          (id) => sql`
            update proxy_private.proxy_keys set ${sql(column)} = ${time}::text::timestamptz where id = ${id}`,
          key.id,
        );
      }
      await refused(
        (id) => sql`
          insert into proxy_private.proxy_tier_grants (user_id, tier, granted_at)
          select user_id, 'team', ${time}::text::timestamptz from proxy_private.proxy_keys where id = ${id}`,
        key.id,
      );
    },
  );

  it('the largest limit can be minted, listed, rotated and looked up', async () => {
    const rolledBack = sql.begin(async (transaction) => {
      const { user, key } = await newKey();
      await overrideLimits(transaction, key.id, { bandwidth_limit_bytes: Number(most) });
      const claims = JSON.stringify({ sub: user.id });
      await transaction`select set_config('request.jwt.claims', ${claims}, true)`;
      const [rotated] = await transaction`
        select bandwidth_limit_bytes from public.rotate_proxy_key(${key.id})`;
      expect(Number(rotated?.bandwidth_limit_bytes)).toBe(Number(most));
      throw new Error('rolled back');
    });
    await expect(rolledBack).rejects.toThrow('rolled back');
  });
});

describe('a gateway that reports impossible events', () => {
  it('is refused events from before the key, and events with more bytes than a line can carry', async () => {
    const { key } = await newKey();
    const before = new Date(Date.now() - 6 * 60_000).toISOString();
    const events = [
      usageEvent(key.id, { occurredAt: before }),
      usageEvent(key.id, { durationMs: 0, bytesReceived: 12_500_000_001, bytesSent: 0 }),
      usageEvent(key.id, { durationMs: 0, bytesReceived: 12_500_000_000, bytesSent: 0 }),
      usageEvent(key.id, {
        durationMs: 999,
        bytesReceived: 12_500_000_000,
        bytesSent: 12_487_500_001,
      }),
      usageEvent(key.id, { durationMs: 2_147_483_647, bytesReceived: 70_368_744_177_665 }),
    ];
    const { recorded, rejected } = await recordUsage(gateway, events);
    expect(recorded).toBe(1);
    const reasons = new Map(rejected.map(({ eventId, reason }) => [eventId, reason]));
    expect(events.map(({ eventId }) => reasons.get(eventId))).toEqual([
      'occurred_before_key',
      'too_many_bytes',
      undefined,
      'too_many_bytes',
      'invalid_bytes_received',
    ]);
  });

  it('may have a clock that is up to five minutes slow when it reports a new key', async () => {
    const { key } = await newKey();
    const occurredAt = new Date(Date.now() - 4 * 60_000).toISOString();
    expect(await recordUsage(gateway, [usageEvent(key.id, { occurredAt })])).toMatchObject({
      recorded: 1,
    });
  });

  it('is refused a batch of over 100,000 events as a whole', async () => {
    await expect(
      gateway`
        select * from gateway.record_usage(
          (select jsonb_agg(1) from generate_series(1, 100001))
        )`,
    ).rejects.toMatchObject({ code: 'PT400', hint: 'invalid_request' });
  });

  it('cannot make a later batch or read fail: the figures stop at 2^53 - 1', async () => {
    const { user, key } = await newKey();
    await ageKeys(sql, [key.id]);
    const occurredAt = new Date(Date.now() - 400_000).toISOString();
    const terabyte = {
      occurredAt,
      bytesSent: 2 ** 40,
      bytesReceived: 2 ** 40,
      durationMs: 400_000,
    };
    const events = Array.from({ length: 9000 }, () => usageEvent(key.id, terabyte));
    expect(await recordUsage(gateway, events)).toMatchObject({ recorded: 9000, rejected: [] });
    const honest = usageEvent(key.id);
    expect(await recordUsage(gateway, [honest])).toMatchObject({ recorded: 1 });

    for (const by of ['hour', 'month'] as const) {
      const rollups = await readRollups(sql, key.id, by);
      expect(rollups.map(({ bytesSent }) => BigInt(bytesSent) <= most)).not.toContain(false);
    }
    const [month] = await readRollups(sql, key.id, 'month');
    expect(month).toMatchObject({ bytesSent: `${most}`, bytesReceived: `${most}` });
    const [lookup] = await gateway`
      select bandwidth_used_bytes from gateway.lookup_proxy_key(${key.keyId})`;
    expect(lookup?.bandwidth_used_bytes).toBe(`${most}`);
    for (const path of [
      '/api/v1/proxy/keys',
      `/api/v1/proxy/keys/${key.id}`,
      '/api/v1/proxy/usage',
      '/api/v1/proxy/usage/keys',
      '/api/v1/proxy/usage/series?interval=hour',
      '/api/v1/proxy/usage/series?interval=day',
      '/api/v1/proxy/usage/targets',
      '/api/v1/proxy/usage/outcomes',
    ]) {
      expect([path, (await user.request('GET', path)).status]).toEqual([path, 200]);
    }
    expect((await user.request('POST', `/api/v1/proxy/keys/${key.id}/rotate`)).status).toBe(200);
    const drift = await sql`
      select * from proxy_private.usage_drift(current_date) where api_key_id = ${key.id}`;
    expect(drift).toEqual([]);
  });
});
