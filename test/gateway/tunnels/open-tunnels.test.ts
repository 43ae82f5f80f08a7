import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { askBy } from '../../support/both-ways.ts';
import { calls } from '../../support/calls.ts';
import { connectGateway, connectOwner, newUser, type Persona } from '../../support/personas.ts';
import { overrideLimits, type SeededKey, seedKey, seedKeys } from '../../support/seeded-keys.ts';
import { recordUsage, usageEvent } from '../../support/usage-events.ts';
import { type OpenTunnel, type OpenTunnelsScene, openTunnelsScene } from './open-tunnels-scene.ts';

const { gatewayDbUrl: databaseUrl } = inject('stack');
const sql = connectOwner();
const gateway = connectGateway(1);
let owner: Persona;
let key: SeededKey;
let scene: OpenTunnelsScene;
let mine: OpenTunnel[];
let others: OpenTunnel;

beforeAll(async () => {
  owner = await newUser();
});
beforeEach(async () => {
  const [first, second] = await seedKeys(sql, owner.id, 2);
  if (!first || !second) throw new Error('no keys were seeded');
  key = first;
  scene = await openTunnelsScene({ databaseUrl });
  mine = [await scene.open(key.keyId), await scene.open(key.keyId)];
  others = await scene.open(second.keyId);
});
afterEach(() => scene.close());
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const suspend = ({ id } = key) =>
  sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${id}`;
const limit = (bytes: number) => overrideLimits(sql, key.id, { bandwidth_limit_bytes: bytes });
/** Which of this key's tunnels are open; the other key's must be. */
const areOpen = () => {
  expect(others.open).toBe(true);
  return mine.map((tunnel) => tunnel.open);
};

describe('after a notification, it closes', () => {
  it.each([
    ['a deleted key', () => askBy.rpc(calls.delete(owner, key.id))],
    ['a suspended key', () => suspend()],
  ])('every tunnel of %s, and no other', async (_, change) => {
    expect(scene.tunnels.count).toBe(3);
    await change();
    await scene.tell(key.keyId);
    expect(areOpen()).toEqual([false, false]);
    await expect.poll(() => scene.tunnels.count).toBe(1);
  });

  it('no tunnel of a key that is rotated, or whose limits change', async () => {
    expect((await askBy.rpc(calls.rotate(owner, key.id))).status).toBe(200);
    await scene.tell(key.keyId);
    await overrideLimits(sql, key.id, { rate_limit: 1 });
    await scene.tell(key.keyId);
    expect(areOpen()).toEqual([true, true]);
  });

  it('the tunnels of a key that has exceeded its new limit', async () => {
    await recordUsage(gateway, [usageEvent(key.id, { bytesSent: 600, bytesReceived: 400 })]);
    await limit(1_000);
    await scene.tell(key.keyId);
    expect(areOpen()).toEqual([false, false]);
  });
});

it('a change of a key without a tunnel causes no lookup', async () => {
  const third = await seedKey(sql, owner.id);
  const before = scene.asked.length;
  await scene.tell(third.keyId);
  expect(scene.asked).toHaveLength(before);
});

describe('a missed change', () => {
  it('is found by the first sweep after changes are received again', async () => {
    scene.keys.switchOff();
    await suspend();
    scene.keys.switchOn();
    scene.inUse.recheckAll();
    await scene.sweep();
    expect(areOpen()).toEqual([false, false]);
  });

  it('is found within 10 s while changes are not received', async () => {
    scene.keys.switchOff();
    await suspend();
    scene.clock.now += 9_999;
    await scene.sweep();
    expect(areOpen()).toEqual([true, true]);
    scene.clock.now += 1;
    await scene.sweep();
    expect(areOpen()).toEqual([false, false]);
  });

  it('is found when the cached key is 30 s old, if the loss goes unnoticed', async () => {
    await suspend();
    for (let second = 0; second < 41; second += 1) {
      scene.clock.now += 1_000;
      await scene.sweep();
    }
    expect(areOpen()).toEqual([false, false]);
  });
});

describe('while the database is away', () => {
  it.each([
    ['cut off', () => scene.network.cut()],
    ['in a black hole', () => scene.network.blackHole()],
  ])('(%s), tunnels stay open, and are closed once it is back', async (_, fail) => {
    await suspend();
    fail();
    await scene.tell(key.keyId);
    scene.clock.now += 1_000;
    await scene.sweep();
    expect(areOpen()).toEqual([true, true]);
    scene.network.restore();
    await expect
      .poll(
        async () => {
          scene.clock.now += 1_000;
          await scene.sweep();
          return areOpen();
        },
        { timeout: 60_000 },
      )
      .toEqual([false, false]);
  });

  it('a key is looked up once per second, not at every sweep', async () => {
    scene.network.cut();
    scene.keys.switchOff();
    scene.inUse.recheckAll();
    scene.asked.length = 0;
    for (let sweep = 0; sweep < 40; sweep += 1) {
      await scene.sweep();
      scene.clock.now += 250;
    }
    expect(scene.asked.filter((keyId) => keyId === key.keyId)).toHaveLength(10);
  });
});

describe('a key is looked up', () => {
  const sweepFor = async (seconds: number) => {
    scene.asked.length = 0;
    for (let sweep = 0; sweep < seconds * 4; sweep += 1) {
      scene.clock.now += 250;
      await scene.sweep();
    }
    return scene.asked.filter((keyId) => keyId === key.keyId).length;
  };

  it('every 10 s by sweeps while changes are not received, for any number of its tunnels', async () => {
    scene.keys.switchOff();
    expect(await sweepFor(60)).toBe(6);
  });

  it('every 30 s while changes are received', async () => {
    expect(await sweepFor(120)).toBeLessThanOrEqual(4);
  });
});

it('a change that arrives during a check is not lost', async () => {
  const { promise, resolve: release } = Promise.withResolvers<void>();
  scene.keys.switchOff();
  scene.hold.until = promise;
  scene.asked.length = 0;
  scene.inUse.changed(key.keyId);
  // the answer on its way is older than the second change
  await expect.poll(() => scene.asked.length).toBe(1);
  scene.inUse.changed(key.keyId);
  release();
  await scene.settled();
  scene.hold.until = undefined;
  await suspend();
  await scene.sweep();
  expect(scene.asked).toHaveLength(2);
  expect(areOpen()).toEqual([false, false]);
});

it('a change that arrives during a lookup of the old state wins', async () => {
  const { promise, resolve: release } = Promise.withResolvers<void>();
  scene.keys.drop(key.keyId);
  scene.hold.until = promise;
  scene.inUse.changed(key.keyId);
  await suspend();
  scene.keys.drop(key.keyId);
  scene.inUse.changed(key.keyId);
  scene.hold.until = undefined;
  release();
  await scene.settled();
  expect(areOpen()).toEqual([false, false]);
});

describe('an exceeded quota', () => {
  it('closes the tunnels at the next sweep, after a fresh lookup', async () => {
    await limit(1_000);
    await scene.tell(key.keyId);
    await mine[0]?.send(999);
    await scene.sweep();
    expect(areOpen()).toEqual([true, true]);
    await mine[1]?.send(1);
    scene.clock.now += 1_000;
    scene.asked.length = 0;
    await scene.sweep();
    expect(scene.asked).toEqual([key.keyId]);
    expect(areOpen()).toEqual([false, false]);
    expect(scene.logged.join()).toContain('quota used up');
  });

  it('closes the tunnels at the next lookup, if other nodes used it up', async () => {
    await limit(1_000);
    await scene.tell(key.keyId);
    await recordUsage(gateway, [usageEvent(key.id, { bytesSent: 1_000, bytesReceived: 0 })]);
    await scene.sweep();
    expect(areOpen()).toEqual([true, true]);
    scene.clock.now += 30_001;
    await scene.sweep();
    expect(areOpen()).toEqual([false, false]);
  });

  it('closes nothing if only an old figure exceeds the limit', async () => {
    await limit(1_000);
    await scene.tell(key.keyId);
    await limit(1_000_000);
    await mine[0]?.send(5_000);
    scene.clock.now += 1_000;
    scene.asked.length = 0;
    for (let sweep = 0; sweep < 8; sweep += 1) await scene.sweep();
    expect(scene.asked).toEqual([key.keyId]);
    expect(areOpen()).toEqual([true, true]);
  });

  it('closes nothing while the database is away', async () => {
    await limit(1_000);
    await scene.tell(key.keyId);
    await mine[0]?.send(1_000);
    scene.network.cut();
    scene.clock.now += 1_000;
    scene.asked.length = 0;
    for (let sweep = 0; sweep < 8; sweep += 1) await scene.sweep();
    expect(areOpen()).toEqual([true, true]);
    expect(scene.asked).toEqual([key.keyId]);
    scene.network.restore();
    scene.clock.now += 1_000;
    await scene.sweep();
    expect(areOpen()).toEqual([false, false]);
  });
});
