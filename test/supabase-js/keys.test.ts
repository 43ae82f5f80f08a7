import { afterAll, describe, expect, it } from 'vitest';
import { listKeys } from '../support/key-scenes.ts';
import { connectGateway, newUser, type Persona } from '../support/personas.ts';
import { recordUsage, usageEvent } from '../support/usage-events.ts';

const gateway = connectGateway();

afterAll(() => gateway.end());

/** Mints a key as `owner` over supabase-js. */
async function mint(owner: Persona, args: { tier?: string; live_mode?: boolean } = {}) {
  const { data, error } = await owner.supabase.rpc('mint_proxy_key', { label: 'key', ...args });
  if (error) throw error;
  return { ...data, id: data.id ?? '', key_id: data.key_id ?? '', basic_auth: data.basic_auth };
}

/** Reports one CONNECT of a key as a gateway does. */
async function report(apiKeyId: string): Promise<string> {
  const event = usageEvent(apiKeyId, { bytesSent: 30, bytesReceived: 12 });
  await recordUsage(gateway, [event]);
  return event.eventId;
}

describe('an owner', () => {
  it('mints a key and gets one row with the secret', async () => {
    const { supabase } = await newUser();
    const { data, error, status } = await supabase.rpc('mint_proxy_key', {
      label: ' staging ',
      tier: 'team',
      live_mode: false,
    });
    expect({ error, status }).toEqual({ error: null, status: 200 });
    expect(data).toEqual({
      id: expect.any(String),
      key_id: expect.stringMatching(/^avp_test_[0-9a-f]{12}$/),
      secret: expect.stringMatching(/^[0-9a-f]{64}$/),
      basic_auth: `${data?.key_id}:${data?.secret}`,
      label: 'staging',
      tier: 'team',
      live_mode: false,
      bandwidth_limit_bytes: 50_000_000_000,
      rate_limit: 50,
      active: true,
      created_at: expect.any(String),
      rotated_at: null,
    });
  });

  it('reads a minted key in the summaries and in the list, as the route returns it', async () => {
    const owner = await newUser();
    const { id, key_id } = await mint(owner);
    const { data: rows } = await owner.supabase.from('proxy_key_summaries').select();
    expect(rows).toEqual([
      {
        id,
        key_id,
        user_id: owner.id,
        label: 'key',
        tier: 'developer',
        live_mode: true,
        bandwidth_used_this_period_bytes: 0,
        bandwidth_limit_bytes: 5_000_000_000,
        rate_limit: 10,
        tunnel_limit: 100,
        limit_overrides: {},
        active: true,
        allowed_ips: [],
        last_used_at: null,
        created_at: expect.any(String),
        rotated_at: null,
        grace_ends_at: null,
        expires_at: null,
        suspended_at: null,
        suspended_reason: null,
        deleted_at: null,
        state: 'active',
        quota_used_up_by: null,
      },
    ]);
    const { data: list } = await owner.supabase.rpc('list_proxy_keys');
    expect(list).toEqual({ items: rows, next_cursor: null });
    expect(await listKeys(owner)).toMatchObject([{ id, keyId: key_id, label: 'key' }]);
  });

  it('rotates a key by uuid or keyId and gets a new secret for the same keyId', async () => {
    const owner = await newUser();
    const minted = await mint(owner);
    const one = await owner.supabase.rpc('rotate_proxy_key', { id: minted.id });
    const two = await owner.supabase.rpc('rotate_proxy_key', { id: minted.key_id });
    expect(new Set([minted.secret, one.data?.secret, two.data?.secret]).size).toBe(3);
    expect(two.data).toEqual({
      ...minted,
      secret: two.data?.secret,
      basic_auth: `${minted.key_id}:${two.data?.secret}`,
      rotated_at: expect.any(String),
      rotations_left: 3,
      rotations_reset_seconds: expect.any(Number),
    });
  });

  it('deletes a key and gets its summary, also the second time', async () => {
    const owner = await newUser();
    const { id } = await mint(owner);
    const first = await owner.supabase.rpc('delete_proxy_key', { id });
    expect(first.data).toMatchObject({ id, active: false, deleted_at: expect.any(String) });
    const second = await owner.supabase.rpc('delete_proxy_key', { id });
    expect(second).toEqual(first);
    const { data: rows } = await owner.supabase.from('proxy_key_summaries').select();
    expect(rows).toEqual([first.data]);
  });

  it('reads usage and events, also of a deleted key', async () => {
    const owner = await newUser();
    const [kept, gone] = [await mint(owner), await mint(owner, { tier: 'team' })];
    await owner.supabase.rpc('delete_proxy_key', { id: gone.id });
    const eventIds = [await report(kept.id), await report(gone.id)];
    const { data: usage } = await owner.supabase.rpc('proxy_usage_summary');
    expect(usage).toEqual({
      period: new Date().toISOString().slice(0, 7),
      total_bandwidth_bytes: 84,
      total_requests: 2,
      active_keys: 1,
      tier_breakdown: { developer: 1 },
    });
    const common = { target_host: 'shop.example.com', bytes_sent: 30, bytes_received: 12 };
    for (const [n, { id }] of [kept, gone].entries()) {
      const { data: events } = await owner.supabase.rpc('list_proxy_key_events', { id });
      expect(events).toMatchObject({
        items: [{ event_id: eventIds[n], api_key_id: id, ...common }],
        next_cursor: null,
      });
    }
    const { data: used } = await owner.supabase
      .from('proxy_key_summaries')
      .select('bandwidth_used_this_period_bytes, last_used_at')
      .eq('id', kept.id)
      .single();
    expect(used).toEqual({
      bandwidth_used_this_period_bytes: 42,
      last_used_at: expect.any(String),
    });
  });
});
