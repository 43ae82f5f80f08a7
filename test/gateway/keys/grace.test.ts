import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, it, vi } from 'vitest';
import type { UsableKey } from '../../support/gateway/key-owner.ts';
import { startTcpProxy, type TcpProxy } from '../../support/gateway/tcp-proxy.ts';
import { connectOwner } from '../../support/personas.ts';
import { startWarmGateway, type WarmGateway } from './warm-gateway.ts';

const { gatewayDbUrl } = inject('stack');
const sql = connectOwner();
let network: TcpProxy;
let warm: WarmGateway;
let key: UsableKey;

beforeAll(async () => {
  network = await startTcpProxy(gatewayDbUrl);
});
// a separate user for each test, because a user may rotate five times
beforeEach(async () => {
  warm = await startWarmGateway(sql, { databaseUrl: network.through(gatewayDbUrl) });
  key = await warm.newKey();
  expect(await warm.answerTo(key.basicAuth)).toBe('connected');
});
afterEach(async () => {
  network.restore();
  await warm.close();
});
afterAll(() => Promise.all([sql.end(), network.close()]));

/** Rotates the key; returns its new `keyId:secret` once the gateway knows it. */
async function rotate(graceSeconds: number): Promise<string> {
  const { data, error } = await warm.owner.persona.supabase.rpc('rotate_proxy_key', {
    id: key.id,
    grace_seconds: graceSeconds,
  });
  expect(error).toBeNull();
  const fresh = String(data?.basic_auth);
  await vi.waitFor(async () => expect(await warm.answerTo(fresh)).toBe('connected'), 60_000);
  return fresh;
}

const answersTo = async (...secrets: string[]) => {
  const answers: string[] = [];
  for (const secret of secrets) answers.push(await warm.answerTo(secret));
  return answers;
};

it('both secrets work during a grace, and afterwards only the new one', async () => {
  const fresh = await rotate(20);
  const lookups = await warm.lookups();
  expect(await answersTo(key.basicAuth, fresh)).toEqual(['connected', 'connected']);
  warm.clock.now += 20_000;
  expect(await answersTo(key.basicAuth, fresh)).toEqual(['credentials_required', 'connected']);
  // from the cache, without a new lookup
  expect(await warm.lookups()).toBe(lookups);
});

it('a grace ends in time even while the database is in a black hole', async () => {
  const fresh = await rotate(20);
  network.blackHole();
  expect(await answersTo(key.basicAuth, fresh)).toEqual(['connected', 'connected']);
  warm.clock.now += 20_000;
  expect(await answersTo(key.basicAuth, fresh)).toEqual(['credentials_required', 'connected']);
});

it('a rotation without a grace revokes the old secret at once', async () => {
  const fresh = await rotate(0);
  expect(await answersTo(key.basicAuth, fresh)).toEqual(['credentials_required', 'connected']);
});

it('a second rotation ends the first grace at once, and may have its own', async () => {
  const second = await rotate(30);
  expect(await answersTo(key.basicAuth, second)).toEqual(['connected', 'connected']);
  const third = await rotate(30);
  expect(await answersTo(key.basicAuth, second, third)).toEqual([
    'credentials_required',
    'connected',
    'connected',
  ]);
  const fourth = await rotate(0);
  expect(await answersTo(key.basicAuth, second, third, fourth)).toEqual([
    'credentials_required',
    'credentials_required',
    'credentials_required',
    'connected',
  ]);
});

it.each(['route', 'rpc'])('a delete (by %s) ends the grace at once', async (way) => {
  const { persona } = warm.owner;
  const fresh = await rotate(30);
  if (way === 'route') {
    const response = await persona.request('DELETE', `/api/v1/proxy/keys/${key.id}`);
    expect(response.status).toBe(204);
  } else {
    const { error } = await persona.supabase.rpc('delete_proxy_key', { id: key.id });
    expect(error).toBeNull();
  }
  await warm.changeArrives();
  expect(await answersTo(key.basicAuth, fresh)).toEqual([
    'credentials_required',
    'credentials_required',
  ]);
});

it('during a grace, both secrets get the key’s suspension', async () => {
  const fresh = await rotate(30);
  await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${key.id}`;
  await warm.changeArrives();
  expect(await answersTo(key.basicAuth, fresh)).toEqual(['key_suspended', 'key_suspended']);
});

it('CONNECTs with the old secret are metered for its key', async () => {
  await rotate(30);
  expect(await warm.answerTo(key.basicAuth)).toBe('connected');
  const { length } = (await warm.owner.eventsOf(key, 3)).filter((e) => e.status_code === 200);
  expect(length).toBe(3);
});
