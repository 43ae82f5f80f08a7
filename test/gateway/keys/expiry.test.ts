import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { UsableKey } from '../../support/gateway/key-owner.ts';
import { connectOwner } from '../../support/personas.ts';
import { closed, expectOpen, startWarmGateway, type WarmGateway } from './warm-gateway.ts';

const sql = connectOwner();
let warm: WarmGateway;
let key: UsableKey;

beforeEach(async () => {
  warm = await startWarmGateway(sql);
  key = await warm.newKey();
  expect(await warm.answerTo(key.basicAuth)).toBe('connected');
});
afterEach(() => warm.close());
afterAll(() => sql.end());

/** Sets the key's expiry, in ms from now or to never, and waits until the gateway knows it. */
async function expireIn(ms: number | null): Promise<void> {
  const { error } = await warm.owner.persona.supabase.rpc('update_proxy_key', {
    id: key.id,
    changes: { expires_at: ms === null ? null : new Date(Date.now() + ms).toISOString() },
  });
  expect(error).toBeNull();
  await warm.changeArrives();
}

describe('a key that expires', () => {
  it('gets 407 from its deadline on, from a warm cache and without a notification', async () => {
    await expireIn(25_000);
    expect(await warm.answerTo(key.basicAuth)).toBe('connected');
    const lookups = await warm.lookups();
    warm.clock.now += 25_000;
    expect(await warm.answerTo(key.basicAuth)).toBe('credentials_required');
    expect(await warm.lookups()).toBe(lookups);
    // out of service, so its refusals are not recorded
    const events = await warm.owner.eventsOf(key, 2);
    expect(events.map((event) => event.status_code)).toEqual([200, 200]);
  });

  it.each([
    ['later', 3_600_000],
    ['never', null],
  ])('works again when its expiry is set to %s', async (_, end) => {
    await expireIn(25_000);
    expect(await warm.answerTo(key.basicAuth)).toBe('connected');
    warm.clock.now += 25_000;
    expect(await warm.answerTo(key.basicAuth)).toBe('credentials_required');
    await expireIn(end);
    expect(await warm.answerTo(key.basicAuth)).toBe('connected');
  });

  it('gets 407 if it has expired in the database, and works again when its expiry is moved', async () => {
    await sql`update proxy_private.proxy_keys set expires_at = now() where id = ${key.id}`;
    await vi.waitFor(async () => {
      expect(await warm.answerTo(key.basicAuth)).toBe('credentials_required');
    }, 60_000);
    await expireIn(3_600_000);
    expect(await warm.answerTo(key.basicAuth)).toBe('connected');
  });
});

describe('an open tunnel', () => {
  it('is closed at its key’s deadline without any notification, and other tunnels stay open', async () => {
    const other = await warm.newKey();
    const theirs = await warm.openTunnel(other.basicAuth);
    const before = await warm.openTunnel(key.basicAuth);
    await expireIn(25_000);
    const after = await warm.openTunnel(key.basicAuth);
    await expectOpen(before);
    await expectOpen(after);
    const lookups = await warm.lookups();
    warm.clock.now += 25_000;
    await Promise.all([closed(before), closed(after)]);
    expect(await warm.lookups()).toBe(lookups);
    await expectOpen(theirs);
    theirs.destroy();
  });

  it('is closed when a notification shows that its key has expired', async () => {
    const tunnel = await warm.openTunnel(key.basicAuth);
    await sql`update proxy_private.proxy_keys set expires_at = now() where id = ${key.id}`;
    await closed(tunnel);
  });
});
