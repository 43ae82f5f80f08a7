import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { insertKeys, listKeys, mintKey } from '../support/key-scenes.ts';
import { readOwnAudit } from '../support/own-history.ts';
import { connectGateway, connectOwner, newUser, type Persona } from '../support/personas.ts';

const sql = connectOwner();
const gateway = connectGateway();

afterAll(() => Promise.all([sql.end(), gateway.end()]));

/** A key that `owner` mints over supabase-js. */
async function mint(owner: Persona, args: { tier?: string; live_mode?: boolean } = {}) {
  const { data, error } = await owner.supabase.rpc('mint_proxy_key', { label: 'key', ...args });
  if (error) throw error;
  return { ...data, id: data.id ?? '', key_id: data.key_id ?? '', basic_auth: data.basic_auth };
}

/** Reports one CONNECT of a key as a gateway does. */
async function report(apiKeyId: string): Promise<string> {
  const eventId = randomUUID();
  const event = {
    eventId,
    apiKeyId,
    occurredAt: new Date().toISOString(),
    targetHost: 'example.com',
    method: 'CONNECT',
    statusCode: 200,
    bytesSent: 30,
    bytesReceived: 12,
    durationMs: 5,
    servedByNodeId: 'node-1',
  };
  await gateway`select gateway.record_usage(${gateway.json([event])}::jsonb)`;
  return eventId;
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

  it('reads a minted key in the summaries and in the list, as the route shows it', async () => {
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

  it('deletes a key and gets it back as a summary, also the second time', async () => {
    const owner = await newUser();
    const { id } = await mint(owner);
    const first = await owner.supabase.rpc('delete_proxy_key', { id });
    expect(first.data).toMatchObject({ id, active: false, deleted_at: expect.any(String) });
    const second = await owner.supabase.rpc('delete_proxy_key', { id });
    expect(second).toEqual(first);
    const { data: rows } = await owner.supabase.from('proxy_key_summaries').select();
    expect(rows).toEqual([first.data]);
  });

  it('reads usage and events, of a deleted key too', async () => {
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
    const common = { target_host: 'example.com', bytes_sent: 30, bytes_received: 12 };
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

  it('reads in the audit what was done, by route or by RPC', async () => {
    const owner = await newUser();
    const { id } = await mintKey(owner);
    await owner.supabase.rpc('rotate_proxy_key', { id });
    await owner.request('DELETE', `/api/v1/proxy/keys/${id}`);
    const common = { api_key_id: id, actor_id: owner.id };
    expect(await readOwnAudit(owner)).toMatchObject([
      { ...common, action: 'minted' },
      { ...common, action: 'rotated' },
      { ...common, action: 'deleted' },
    ]);
  });

  it('gets all of 1,500 keys by list_proxy_keys, and by the summaries page by page', async () => {
    const owner = await newUser();
    await insertKeys(sql, owner.id, { count: 1_500, deleted: true });
    const { data: list } = await owner.supabase.rpc('list_proxy_keys');
    const ids: (string | null)[] = [];
    for (const from of [0, 1_000]) {
      const { data } = await owner.supabase
        .from('proxy_key_summaries')
        .select()
        .order('created_at', { ascending: false })
        .order('id', { ascending: false })
        .range(from, from + 999);
      ids.push(...(data ?? []).map((row) => row.id));
    }
    expect(new Set(ids).size).toBe(1_500);
    const listed = (list?.items ?? []) as { id: string }[];
    expect(listed.map((row) => row.id)).toEqual(ids);
    expect(list?.next_cursor).toBeNull();
  });
});

describe('another user', () => {
  it('reads nothing of it, by whatever they ask', async () => {
    const [owner, other] = [await newUser(), await newUser()];
    const { id } = await mint(owner);
    await report(id);
    const summaries = ({ supabase }: Persona) => supabase.from('proxy_key_summaries').select();
    expect((await summaries(owner)).data).toHaveLength(1);
    expect(await summaries(other)).toMatchObject({ error: null, data: [] });

    const none = { items: [], next_cursor: null };
    const series = (by: Persona) => by.supabase.rpc('proxy_usage_series', { interval: 'hour' });
    for (const list of ['list_proxy_keys', 'proxy_usage_by_key', 'list_proxy_key_audit'] as const) {
      const mine = await owner.supabase.rpc(list);
      expect(mine.data, list).toMatchObject({ items: [{}], next_cursor: null });
      expect((await other.supabase.rpc(list)).data, list).toEqual(none);
    }
    for (const ofOneKey of [
      'get_proxy_key',
      'list_proxy_key_events',
      'list_proxy_key_audit',
      'export_proxy_key_events',
    ] as const) {
      expect((await owner.supabase.rpc(ofOneKey, { id })).error, ofOneKey).toBeNull();
      expect(await other.supabase.rpc(ofOneKey, { id }), ofOneKey).toMatchObject({
        data: null,
        error: { code: 'PT404', hint: 'not_found' },
      });
    }
    const used = { requests: 1, bytes_sent: 30, bytes_received: 12 };
    expect((await series(owner)).data?.points).toContainEqual(expect.objectContaining(used));
    expect((await series(other)).data?.points).not.toContainEqual(expect.objectContaining(used));
    expect((await owner.supabase.rpc('proxy_usage_summary')).data).toMatchObject({
      total_bandwidth_bytes: 42,
    });
    expect((await other.supabase.rpc('proxy_usage_summary')).data).toMatchObject({
      total_bandwidth_bytes: 0,
      total_requests: 0,
      active_keys: 0,
    });
  });
});
