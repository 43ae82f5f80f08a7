import { afterAll, afterEach, beforeAll, expect, inject, it } from 'vitest';
import { connectOwner, newUser } from '../../support/personas.ts';
import { type SeededKey, seedKey } from '../../support/seeded-keys.ts';
import { type OpenTunnelsScene, openTunnelsScene } from './open-tunnels-scene.ts';

const stack = inject('stack');
const { gatewayDbUrl: databaseUrl } = stack;
const sql = connectOwner();
let key: SeededKey;
let scene: OpenTunnelsScene;

beforeAll(async () => {
  key = await seedKey(sql, (await newUser()).id);
});
afterEach(() => scene.close());
afterAll(() => sql.end());

it('a long tunnel is charged at every sweep, and reported from time to time', async () => {
  scene = await openTunnelsScene({ databaseUrl, reportMs: 5_000 });
  const tunnel = await scene.open(key.keyId);
  const used = async () => scene.ledger.used(await scene.keys.get(key.keyId));
  await tunnel.send(100);
  await scene.sweep();
  expect(await used()).toBe(100);
  expect(scene.events).toEqual([]);
  scene.clock.now += 5_000;
  await scene.sweep();
  await scene.sweep();
  await tunnel.send(50);
  scene.clock.now += 5_000;
  await scene.sweep();
  // nothing has moved since
  scene.clock.now += 5_000;
  await scene.sweep();
  expect(scene.events).toMatchObject([
    { apiKeyId: key.id, bytesSent: 100, bytesReceived: 0, durationMs: 5_000 },
    { apiKeyId: key.id, bytesSent: 150, bytesReceived: 0, durationMs: 10_000 },
  ]);
  expect(new Set(scene.events.map(({ eventId }) => eventId)).size).toBe(1);
  expect(new Set(scene.events.map(({ occurredAt }) => occurredAt)).size).toBe(1);
  expect(await used()).toBe(150);
  scene.ledger.settle(scene.events);
  scene.clock.now += 1;
  // the key was looked up before any of it was recorded
  expect(await used()).toBe(150);
});

it('a finished hour is reported at the next sweep, and the next hour starts', async () => {
  scene = await openTunnelsScene({ databaseUrl, reportMs: 7_200_000 });
  scene.clock.at = Date.parse('2026-11-30T23:59:59.900Z');
  const tunnel = await scene.open(key.keyId);
  await tunnel.send(100);
  await scene.sweep();
  expect(scene.events).toEqual([]);
  scene.clock.at += 100;
  await scene.sweep();
  await tunnel.send(20);
  await scene.sweep();
  scene.clock.at += 3_600_000;
  scene.clock.now += 3_600_000;
  await scene.sweep();
  expect(scene.events).toMatchObject([
    { occurredAt: '2026-11-30T23:59:59.900Z', bytesSent: 100 },
    { occurredAt: '2026-12-01T00:00:00.000Z', bytesSent: 20, count: 0 },
  ]);
});

it('an idle tunnel is closed, and an active one is not', async () => {
  scene = await openTunnelsScene({ databaseUrl, reportMs: 3_600_000, idleMs: 1_000 });
  const [idle, busy] = [await scene.open(key.keyId), await scene.open(key.keyId)];
  await scene.sweep();
  scene.clock.now += 999;
  await busy.send(1);
  await scene.sweep();
  expect([idle.open, busy.open]).toEqual([true, true]);
  scene.clock.now += 1;
  await scene.sweep();
  expect([idle.open, busy.open]).toEqual([false, true]);
});

it('an event that cannot be spooled is logged, and the sweep continues', async () => {
  const record = () => Promise.reject(new Error('disk full'));
  scene = await openTunnelsScene({ databaseUrl, reportMs: 5_000, record });
  const tunnel = await scene.open(key.keyId);
  await tunnel.send(100);
  scene.clock.now += 5_000;
  await scene.sweep();
  expect(scene.logged.join()).toContain('disk full');
  expect(tunnel.open).toBe(true);
  expect(scene.ledger.used(await scene.keys.get(key.keyId))).toBe(100);
});

it('it is empty after the last tunnel closes, and at once without any tunnel', async () => {
  scene = await openTunnelsScene({ databaseUrl });
  await scene.tunnels.empty();
  const first = await scene.open(key.keyId);
  const second = await scene.open(key.keyId);
  let empty = false;
  const emptied = scene.tunnels.empty().then(() => {
    empty = true;
  });
  await first.end();
  // a tunnel can only be removed once
  scene.tunnels.remove(first.tunnel);
  await scene.settled();
  expect(scene.tunnels.count).toBe(1);
  expect(empty).toBe(false);
  await second.end();
  await emptied;
  expect(scene.tunnels.count).toBe(0);
});

it('closeAll closes all tunnels', async () => {
  scene = await openTunnelsScene({ databaseUrl });
  const open = await Promise.all(Array.from({ length: 20 }, () => scene.open(key.keyId)));
  scene.tunnels.closeAll();
  await scene.tunnels.empty();
  expect(open.some((tunnel) => tunnel.open)).toBe(false);
});
