import { describe, expect, it } from 'vitest';
import { recordUsage, usageEvent } from '../../support/usage-events.ts';
import { alertsOf } from './alert-rows.ts';
import { quotaScene } from './quota-scene.ts';

const { sql, gateway, tier, admin, newCustomer } = quotaScene();

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

  it('next month begins again', async () => {
    const { user, id, use, alerts } = await newCustomer();
    await use(900);
    // what the month before would have left
    await sql`
      update proxy_private.proxy_alerts set cause = replace(cause, to_char(now(), 'YYYY-MM'), '2026-01')
      where user_id = ${user.id}`;
    await sql`
      update proxy_private.proxy_usage_monthly set month = '2026-01-01' where api_key_id = ${id}`;
    await use(850);
    expect(await alerts()).toEqual([
      [80, 1000],
      [80, 1000],
    ]);
  });

  it('each key has its alerts', async () => {
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
    await admin().supabase.rpc('set_proxy_account_limits', {
      user: user.id,
      tier,
      reason: 'test',
      limits: { account_limit_bytes: 500 },
    });
    expect(await alerts('account.quota')).toEqual([[100, 500]]);
  });
});
