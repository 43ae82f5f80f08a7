import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect } from 'vitest';
import {
  connectGateway,
  connectOwner,
  newAdmin,
  newUser,
  type Persona,
} from '../../support/personas.ts';
import { mostBytes, recordUsage, usageEvent } from '../../support/usage-events.ts';
import { alertsOf } from './alert-rows.ts';

/** For a test file: a tier whose keys may move 1,000 bytes, its customers, and an admin. */
export function quotaScene() {
  const sql = connectOwner();
  const gateway = connectGateway(8);
  const tier = `tier_${randomUUID().slice(0, 8)}`;
  let admin: Persona;

  beforeAll(async () => {
    admin = await newAdmin();
    await sql`
      insert into public.proxy_tiers (
        tier, bandwidth_limit_bytes, rate_limit, tunnel_limit, account_limit_bytes,
        test_limit_bytes, self_serve
      ) values (${tier}, 1000, 10, 100, 10000, ${mostBytes}, true)`;
  });
  afterAll(async () => {
    await sql`update proxy_private.proxy_keys set tier = 'developer' where tier = ${tier}`;
    await sql`delete from proxy_private.proxy_account_limits where tier = ${tier}`;
    await sql`delete from public.proxy_tiers where tier = ${tier}`;
    await Promise.all([sql.end(), gateway.end()]);
  });

  /** Creates a user with a key of 1,000 bytes; `alerts` returns their quota alerts. */
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
  return { sql, gateway, tier, admin: () => admin, newCustomer };
}
