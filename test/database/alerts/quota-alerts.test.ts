import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  connectGateway,
  connectOwner,
  newAdmin,
  newUser,
  type Persona,
} from '../../support/personas.ts';
import { mostBytes, recordUsage, usageEvent } from '../../support/usage-events.ts';
import { alertsOf } from './alert-rows.ts';

const sql = connectOwner();
const gateway = connectGateway(8);
const tier = `tier_${randomUUID().slice(0, 8)}`;
let admin: Persona;

beforeAll(async () => {
  admin = await newAdmin();
  await sql`
    insert into public.proxy_tiers (
      tier, bandwidth_limit_bytes, rate_limit, tunnel_limit, account_limit_bytes, test_limit_bytes,
      self_serve
    ) values (${tier}, 1000, 10, 100, 10000, ${mostBytes}, true)`;
});
afterAll(async () => {
  await sql`update private.proxy_keys set tier = 'developer' where tier = ${tier}`;
  await sql`delete from private.proxy_account_limits where tier = ${tier}`;
  await sql`delete from public.proxy_tiers where tier = ${tier}`;
  await Promise.all([sql.end(), gateway.end()]);
});

/** A user with a key of 1,000 bytes, and what they are alerted to of quotas. */
async function newCustomer() {
  const user = await newUser();
  const mint = async () => {
    const { data } = await user.supabase.rpc('mint_proxy_key', { label: 'key', tier });
    return (data as { id: string }).id;
  };
  const id = await mint();
  const use = async (bytes: number, keyId = id) => {
    const event = usageEvent(keyId, { bytesSent: bytes, bytesReceived: 0 });
    expect(await recordUsage(gateway, [event])).toMatchObject({ recorded: 1 });
  };
  const limit = (limits: Record<string, number | null>) =>
    admin.supabase.rpc('set_proxy_key_limits', { id, reason: 'test', limits });
  const thresholds = (percents: number[] | null, key: string | null = null) =>
    user.supabase.rpc('set_proxy_alert_thresholds', { percents, id: key } as never);
  /** Each quota alert as threshold and limit, in order. */
  const alerts = async (type = 'key.quota') =>
    (await alertsOf(sql, user.id))
      .filter((alert) => alert.type === type)
      .map(({ data }) => [data.threshold, data.limitBytes]);
  return { user, id, mint, use, limit, thresholds, alerts };
}

describe('a key is alerted to', () => {
  it('at 80, 95 and 100 %, once each', async () => {
    const { use, alerts } = await newCustomer();
    await use(799);
    expect(await alerts()).toEqual([]);
    await use(1);
    await use(100);
    await use(50);
    await use(49);
    await use(1);
    await use(5000);
    expect(await alerts()).toEqual([
      [80, 1000],
      [95, 1000],
      [100, 1000],
    ]);
  });

  it('of several thresholds that one batch crosses, only the highest', async () => {
    const { use, alerts } = await newCustomer();
    await use(5000);
    expect(await alerts()).toEqual([[100, 1000]]);
  });

  it('once where 8 connections cross a threshold at the same moment', async () => {
    const { use, alerts } = await newCustomer();
    await Promise.all(Array.from({ length: 8 }, () => use(105)));
    expect(await alerts()).toEqual([[80, 1000]]);
  });

  it('once where a batch is repeated', async () => {
    const { id, alerts } = await newCustomer();
    const event = usageEvent(id, { bytesSent: 900, bytesReceived: 0 });
    await recordUsage(gateway, [event]);
    await recordUsage(gateway, [event]);
    expect(await alerts()).toEqual([[80, 1000]]);
  });

  it('with what a reader needs: the key, what was used, and when it resets', async () => {
    const { user, id, use } = await newCustomer();
    await use(900);
    const alert = (await alertsOf(sql, user.id)).find(({ type }) => type === 'key.quota');
    const month = new Date();
    const next = Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + 1);
    expect(alert?.data).toEqual({
      apiKeyId: id,
      keyId: expect.stringMatching(/^avp_live_/),
      label: 'key',
      threshold: 80,
      limitBytes: 1000,
      usedBytes: 900,
      period: new Date().toISOString().slice(0, 7),
      resetsAt: new Date(next).toISOString(),
    });
  });
});

describe('as a reader would expect', () => {
  it('a raised limit warns again, at its own thresholds', async () => {
    const { use, limit, alerts } = await newCustomer();
    await use(900);
    await limit({ bandwidth_limit_bytes: 2000 });
    await use(600);
    await use(200);
    expect(await alerts()).toEqual([
      [80, 1000],
      [80, 2000],
    ]);
  });

  it('a limit that is lowered below what is used warns at once', async () => {
    const { use, limit, alerts } = await newCustomer();
    await use(500);
    await limit({ bandwidth_limit_bytes: 520 });
    expect(await alerts()).toEqual([[95, 520]]);
  });

  it('a limit that goes back to what it was does not warn again', async () => {
    const { use, limit, alerts } = await newCustomer();
    await use(900);
    await limit({ bandwidth_limit_bytes: 5000 });
    await limit({ bandwidth_limit_bytes: null });
    expect(await alerts()).toEqual([[80, 1000]]);
  });

  it('next month begins anew', async () => {
    const { user, id, use, alerts } = await newCustomer();
    await use(900);
    // what the month before would have left
    await sql`
      update private.proxy_alerts set cause = replace(cause, to_char(now(), 'YYYY-MM'), '2026-01')
      where user_id = ${user.id}`;
    await sql`
      update private.proxy_usage_monthly set month = '2026-01-01' where api_key_id = ${id}`;
    await use(850);
    expect(await alerts()).toEqual([
      [80, 1000],
      [80, 1000],
    ]);
  });

  it('a second key has alerts of its own', async () => {
    const { use, mint, alerts } = await newCustomer();
    await use(900);
    await use(990, await mint());
    expect(await alerts()).toEqual([
      [80, 1000],
      [95, 1000],
    ]);
  });

  it('a key that was deleted warns no more', async () => {
    const { user, id, use, alerts } = await newCustomer();
    await user.supabase.rpc('delete_proxy_key', { id });
    await use(900);
    expect(await alerts()).toEqual([]);
  });

  it('all keys of a tier together are alerted to as the account', async () => {
    const { mint, use, alerts, user } = await newCustomer();
    for (let key = 0; key < 8; key += 1) await use(1000, await mint());
    expect(await alerts('account.quota')).toEqual([[80, 10_000]]);
    const alert = (await alertsOf(sql, user.id)).find(({ type }) => type === 'account.quota');
    expect(alert?.data).toMatchObject({ tier, liveMode: true, usedBytes: 8000 });
    expect(alert?.api_key_id).toBeNull();
  });

  it('an account whose limit is lowered is alerted to at once', async () => {
    const { user, use, alerts } = await newCustomer();
    await use(500);
    await admin.supabase.rpc('set_proxy_account_limits', {
      user: user.id,
      tier,
      reason: 'test',
      limits: { account_limit_bytes: 500 },
    });
    expect(await alerts('account.quota')).toEqual([[100, 500]]);
  });
});

describe('thresholds', () => {
  it('of all keys are those of the user', async () => {
    const { use, thresholds, alerts } = await newCustomer();
    expect((await thresholds([50, 90])).data).toEqual({
      api_key_id: null,
      key_id: null,
      percents: [50, 90],
    });
    await use(500);
    await use(300);
    await use(100);
    await use(100);
    expect(await alerts()).toEqual([
      [50, 1000],
      [90, 1000],
    ]);
  });

  it('of one key win over those of all', async () => {
    const { id, mint, use, thresholds, alerts } = await newCustomer();
    await thresholds([50]);
    await thresholds([10], id);
    await use(100);
    await use(100, await mint());
    expect(await alerts()).toEqual([[10, 1000]]);
  });

  it('that are passed already alert at once, and only once', async () => {
    const { use, thresholds, alerts } = await newCustomer();
    await use(500);
    await thresholds([40]);
    await thresholds([40, 100]);
    expect(await alerts()).toEqual([[40, 1000]]);
  });

  it('none is none, and null the default again', async () => {
    const { use, thresholds, alerts } = await newCustomer();
    await thresholds([]);
    await use(900);
    expect(await alerts()).toEqual([]);
    expect((await thresholds(null)).data).toMatchObject({ percents: [80, 95, 100] });
    expect(await alerts()).toEqual([[80, 1000]]);
  });

  it.each([
    ['six', [10, 20, 30, 40, 50, 60]],
    ['below 10', [9]],
    ['above 100', [101]],
    ['nothing', [null]],
  ])('that are %s are refused', async (_, percents) => {
    const { user, thresholds } = await newCustomer();
    const { error } = await thresholds(percents as number[]);
    expect([error?.code, error?.hint, error?.details]).toEqual([
      'PT400',
      'invalid_request',
      'percents',
    ]);
    const { data } = await user.supabase.rpc('list_proxy_alert_thresholds');
    expect(data).toEqual([{ api_key_id: null, key_id: null, percents: [80, 95, 100] }]);
  });

  it('of a key of somebody else are refused as of no key', async () => {
    const [one, other] = [await newCustomer(), await newCustomer()];
    const { error } = await one.thresholds([50], other.id);
    expect([error?.code, error?.hint]).toEqual(['PT404', 'not_found']);
  });
});
