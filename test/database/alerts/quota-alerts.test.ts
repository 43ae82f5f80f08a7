import { describe, expect, it } from 'vitest';
import { recordUsage, usageEvent } from '../../support/usage-events.ts';
import { alertsOf } from './alert-rows.ts';
import { quotaScene } from './quota-scene.ts';

const { sql, gateway, tier, admin, newCustomer } = quotaScene();

describe('a key raises an alert', () => {
  it('once each at 80, 95 and 100 %', async () => {
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

  it('only for the highest threshold when one batch crosses several', async () => {
    const { use, alerts } = await newCustomer();
    await use(5000);
    expect(await alerts()).toEqual([[100, 1000]]);
  });

  it('once when 8 connections cross a threshold at the same moment', async () => {
    const { use, alerts } = await newCustomer();
    await Promise.all(Array.from({ length: 8 }, () => use(105)));
    expect(await alerts()).toEqual([[80, 1000]]);
  });

  it('once when a batch is repeated', async () => {
    const { id, alerts } = await newCustomer();
    const event = usageEvent(id, { bytesSent: 900, bytesReceived: 0 });
    await recordUsage(gateway, [event]);
    await recordUsage(gateway, [event]);
    expect(await alerts()).toEqual([[80, 1000]]);
  });

  it('with the details that a reader needs: the key, the usage, and when it resets', async () => {
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

describe('quota alerts of keys and accounts', () => {
  it('a raised limit raises alerts again, at its own thresholds', async () => {
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

  it('a limit that is lowered below the usage raises an alert at once', async () => {
    const { use, limit, alerts } = await newCustomer();
    await use(500);
    await limit({ bandwidth_limit_bytes: 520 });
    expect(await alerts()).toEqual([[95, 520]]);
  });

  it('a limit that returns to its previous value raises no second alert', async () => {
    const { use, limit, alerts } = await newCustomer();
    await use(900);
    await limit({ bandwidth_limit_bytes: 5000 });
    await limit({ bandwidth_limit_bytes: null });
    expect(await alerts()).toEqual([[80, 1000]]);
  });

  it('a new month starts again', async () => {
    const { user, id, use, alerts } = await newCustomer();
    await use(900);
    // as the previous month would have left it
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

  it('each key raises its own alerts', async () => {
    const { use, mint, alerts } = await newCustomer();
    await use(900);
    await use(990, await mint());
    expect(await alerts()).toEqual([
      [80, 1000],
      [95, 1000],
    ]);
  });

  it('a deleted key raises no more alerts', async () => {
    const { user, id, use, alerts } = await newCustomer();
    await user.supabase.rpc('delete_proxy_key', { id });
    await use(900);
    expect(await alerts()).toEqual([]);
  });

  it('all keys of a tier together raise the alert of the account', async () => {
    const { mint, use, alerts, user } = await newCustomer();
    for (let key = 0; key < 8; key += 1) await use(1000, await mint());
    expect(await alerts('account.quota')).toEqual([[80, 10_000]]);
    const alert = (await alertsOf(sql, user.id)).find(({ type }) => type === 'account.quota');
    expect(alert?.data).toMatchObject({ tier, liveMode: true, usedBytes: 8000 });
    expect(alert?.api_key_id).toBeNull();
  });

  it('lowering the limit of an account raises its alert at once', async () => {
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
