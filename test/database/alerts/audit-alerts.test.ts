import { afterAll, expect, it } from 'vitest';
import { connectOwner, newAdmin, newUser } from '../../support/personas.ts';
import { alertsOf } from './alert-rows.ts';

const sql = connectOwner();
afterAll(() => sql.end());

it('a key raises one alert for each step of its life, in order, and no alert contains a secret', async () => {
  const [user, admin] = [await newUser(), await newAdmin()];
  const minted = await user.supabase.rpc('mint_proxy_key', { label: 'scraper' });
  const {
    id,
    key_id: keyId,
    secret,
  } = minted.data as {
    id: string;
    key_id: string;
    secret: string;
  };
  await user.supabase.rpc('update_proxy_key', { id, changes: { label: 'scraper 2' } });
  const rotated = await user.supabase.rpc('rotate_proxy_key', { id });
  const reason = 'abuse was reported';
  await admin.supabase.rpc('suspend_proxy_key', { id, reason });
  await admin.supabase.rpc('reactivate_proxy_key', { id, reason: 'it was a mistake' });
  await admin.supabase.rpc('set_proxy_key_limits', {
    id,
    reason: 'a bigger plan',
    limits: { rate_limit: 77 },
  });
  await user.supabase.rpc('delete_proxy_key', { id });

  const alerts = await alertsOf(sql, user.id);
  expect(alerts.map(({ type }) => type)).toEqual([
    'key.minted',
    'key.rotated',
    'key.suspended',
    'key.reactivated',
    'key.limits_changed',
    'key.deleted',
  ]);
  for (const { data, api_key_id: keyOf } of alerts) {
    expect(data).toMatchObject({ apiKeyId: id, keyId });
    expect(keyOf).toBe(id);
  }
  expect(alerts[2]?.data).toMatchObject({ reason });
  expect(alerts[4]?.data).toMatchObject({ rateLimit: 77, tier: 'developer' });
  const text = JSON.stringify(alerts);
  expect(text).not.toContain(secret);
  expect(text).not.toContain((rotated.data as { secret: string }).secret);
});

it("a grant, its end, and a change of the account's limits each raise an alert for the user", async () => {
  const [user, admin] = [await newUser(), await newAdmin()];
  const tier = 'enterprise';
  await admin.supabase.rpc('grant_proxy_tier', { user: user.id, tier, reason: 'signed' });
  const limits = { account_limit_bytes: 1_000 };
  await admin.supabase.rpc('set_proxy_account_limits', {
    user: user.id,
    tier,
    reason: 'trial',
    limits,
  });
  await admin.supabase.rpc('revoke_proxy_tier', { user: user.id, tier, reason: 'ended' });
  expect((await alertsOf(sql, user.id)).map(({ type, data }) => [type, data])).toEqual([
    ['tier.granted', { tier, reason: 'signed' }],
    ['account.limits_changed', { tier, reason: 'trial' }],
    ['tier.revoked', { tier, reason: 'ended' }],
  ]);
});

it('the alerts of a removed account are deleted with it', async () => {
  const user = await newUser();
  await user.supabase.rpc('mint_proxy_key', { label: 'key' });
  await sql`delete from auth.users where id = ${user.id}`;
  expect(await alertsOf(sql, user.id)).toEqual([]);
});
