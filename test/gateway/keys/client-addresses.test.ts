import { networkInterfaces } from 'node:os';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { plainRequest, sendRaw } from '../../support/gateway/gateway-fixture.ts';
import type { UsableKey } from '../../support/gateway/key-owner.ts';
import { connectOwner } from '../../support/personas.ts';
import { overrideLimits } from '../../support/seeded-keys.ts';
import { closed, expectOpen, startWarmGateway, type WarmGateway } from './warm-gateway.ts';

const sql = connectOwner();
const here = { localAddress: '127.0.0.1' };
const elsewhere = { localAddress: '127.0.0.2' };
const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((address) => address?.address === '::1');
let warm: WarmGateway;
let key: UsableKey;

const start = async (host: string) => {
  warm = await startWarmGateway(sql, { host });
  key = await warm.newKey();
};
afterEach(() => warm.close());
afterAll(() => sql.end());

/** Sets the addresses that may use the key, and waits until the gateway knows them. */
async function allow(...allowed: string[]): Promise<void> {
  const { error } = await warm.owner.persona.supabase.rpc('update_proxy_key', {
    id: key.id,
    changes: { allowed_ips: allowed },
  });
  expect(error).toBeNull();
  await warm.changeArrives();
}

describe('over IPv4', () => {
  beforeEach(() => start('127.0.0.1'));

  it('a client gets 403 at an address that the key does not allow, and is served at one that it does', async () => {
    await allow('127.0.0.1', '10.0.0.0/8');
    expect(await warm.answerTo(key.basicAuth, elsewhere)).toBe('address_forbidden');
    expect(await warm.answerTo(key.basicAuth, here)).toBe('connected');
    await allow('127.0.0.2/31');
    expect(await warm.answerTo(key.basicAuth, elsewhere)).toBe('connected');
    expect(await warm.answerTo(key.basicAuth, here)).toBe('address_forbidden');
  });

  it('refusals are counted, and take no token of the key’s rate', async () => {
    await overrideLimits(sql, key.id, { rate_limit: 1 });
    await allow('127.0.0.1');
    for (let attempt = 0; attempt < 3; attempt += 1) {
      expect(await warm.answerTo(key.basicAuth, elsewhere)).toBe('address_forbidden');
    }
    // the clock stands still: there is one token
    expect(await warm.answerTo(key.basicAuth, here)).toBe('connected');
    expect(await warm.answerTo(key.basicAuth, here)).toBe('rate_limited');
    expect(await warm.answerTo(key.basicAuth, elsewhere)).toBe('address_forbidden');
    expect(await warm.owner.refusalsOf(key, 5)).toEqual({ address_forbidden: 4, rate_limited: 1 });
  });

  it('the address is checked before the quota, and after the secret and the key’s state', async () => {
    const { id, keyId, basicAuth } = key;
    await overrideLimits(sql, id, { bandwidth_limit_bytes: 0 });
    await allow('127.0.0.1');
    expect(await warm.answerTo(basicAuth, elsewhere)).toBe('address_forbidden');
    expect(await warm.answerTo(basicAuth, here)).toBe('quota_exceeded');
    const wrong = `${keyId}:${'0'.repeat(64)}`;
    expect(await warm.answerTo(wrong, elsewhere)).toBe('credentials_required');
    await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${id}`;
    await warm.changeArrives();
    expect(await warm.answerTo(basicAuth, elsewhere)).toBe('key_suspended');
    // without the secret, no one can add to a key's events
    const refusals = { address_forbidden: 1, quota_exceeded: 1 };
    expect(await warm.owner.refusalsOf(key, 2)).toEqual(refusals);
  });

  it('a PATCH takes effect on a warm cache through the notification, in both directions', async () => {
    expect(await warm.answerTo(key.basicAuth, elsewhere)).toBe('connected');
    const patch = async (allowedIps: string[]) => {
      const path = `/api/v1/proxy/keys/${key.id}`;
      expect((await warm.owner.persona.request('PATCH', path, { allowedIps })).status).toBe(200);
    };
    await patch(['127.0.0.1/32']);
    await vi.waitFor(async () => {
      expect(await warm.answerTo(key.basicAuth, elsewhere)).toBe('address_forbidden');
    }, 60_000);
    expect(await warm.answerTo(key.basicAuth, here)).toBe('connected');
    await patch([]);
    await vi.waitFor(async () => {
      expect(await warm.answerTo(key.basicAuth, elsewhere)).toBe('connected');
    }, 60_000);
  });

  it('plain requests follow the same rule, and a warm cache needs no lookup', async () => {
    await allow('127.0.0.1');
    expect(await warm.answerTo(key.basicAuth, here)).toBe('connected');
    const lookups = await warm.lookups();
    const request = plainRequest('http://127.0.0.1:80/', key.basicAuth);
    const answer = await sendRaw(warm.gateway.port, request, elsewhere);
    expect(answer.status).toBe(403);
    expect(answer.body).toMatch(/^address_forbidden: [^\n]+\n$/);
    expect(await warm.answerTo(key.basicAuth, elsewhere)).toBe('address_forbidden');
    expect(await warm.lookups()).toBe(lookups);
    expect(await warm.owner.refusalsOf(key, 2)).toEqual({ address_forbidden: 2 });
  });

  it('a narrower allowlist closes the tunnels of clients outside it, and keeps those inside', async () => {
    const outside = await warm.openTunnel(key.basicAuth, elsewhere);
    const inside = await warm.openTunnel(key.basicAuth, here);
    await allow('127.0.0.1');
    await closed(outside);
    await expectOpen(inside);
    inside.destroy();
  });
});

describe.skipIf(!hasIpv6)('over IPv6', () => {
  it('a client matches IPv6 ranges, and no IPv4 range', async () => {
    await start('::1');
    for (const [allowed, answer] of [
      ['::1', 'connected'],
      ['::/0', 'connected'],
      ['2001:db8::/32', 'address_forbidden'],
      ['0.0.0.0/0', 'address_forbidden'],
    ] as const) {
      await allow(allowed);
      expect([allowed, await warm.answerTo(key.basicAuth)]).toEqual([allowed, answer]);
    }
  });

  it('a gateway on both families treats an IPv4 client as IPv4', async () => {
    await start('::');
    const fromHere = { host: '127.0.0.1', ...here };
    const fromElsewhere = { host: '127.0.0.1', ...elsewhere };
    const answers = async () => [
      await warm.answerTo(key.basicAuth, fromHere),
      await warm.answerTo(key.basicAuth, fromElsewhere),
      await warm.answerTo(key.basicAuth, { host: '::1' }),
    ];
    await allow('127.0.0.2');
    expect(await answers()).toEqual(['address_forbidden', 'connected', 'address_forbidden']);
    // not as ::ffff:127.0.0.1, which this range contains
    await allow('::/0');
    expect(await answers()).toEqual(['address_forbidden', 'address_forbidden', 'connected']);
    await allow('127.0.0.0/8', '::1');
    expect(await answers()).toEqual(['connected', 'connected', 'connected']);
    const tunnels = await Promise.all(
      [fromHere, fromElsewhere].map((place) => warm.openTunnel(key.basicAuth, place)),
    );
    await allow('127.0.0.1');
    const [inside, outside] = tunnels;
    if (!inside || !outside) throw new Error('no tunnels were opened');
    await closed(outside);
    await expectOpen(inside);
    inside.destroy();
  });
});
