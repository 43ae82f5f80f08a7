import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { KeyCache } from '../../../gateway/keys/key-cache.ts';
import { KeysInUse } from '../../../gateway/keys/keys-in-use.ts';
import { QuotaLedger } from '../../../gateway/limits/quota-ledger.ts';
import { connectOwner, newUser, type Persona } from '../../support/personas.ts';
import { type SeededKey, seedKeys } from '../../support/seeded-keys.ts';
import { keyRecord } from '../keys/key-cache-scene.ts';
import { type OpenTunnel, type OpenTunnelsScene, openTunnelsScene } from './open-tunnels-scene.ts';

const { gatewayDbUrl: databaseUrl } = inject('stack');
const sql = connectOwner();
const hour = 3_600_000;
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
  mine = [
    await scene.open(key.keyId, '127.0.0.1'),
    await scene.open(key.keyId, '10.1.2.3'),
    await scene.open(key.keyId, '::ffff:10.1.2.4'),
    await scene.open(key.keyId, '2001:db8::1'),
  ];
  others = await scene.open(second.keyId);
});
afterEach(() => scene.close());
afterAll(() => sql.end());

const all = [true, true, true, true];
const none = [false, false, false, false];

/** Changes the key; the scene learns of it through `tell`. */
async function update(changes: { allowed_ips?: string[]; expires_at?: string | null }) {
  const { error } = await owner.supabase.rpc('update_proxy_key', { id: key.id, changes });
  expect(error).toBeNull();
}
const expireIn = (ms: number) => update({ expires_at: new Date(Date.now() + ms).toISOString() });
const expire = () =>
  sql`update proxy_private.proxy_keys set expires_at = now() where id = ${key.id}`;
/** Which of this key's tunnels are open; the other key's must be. */
const areOpen = () => {
  expect(others.open).toBe(true);
  return mine.map((tunnel) => tunnel.open);
};
const sweepFor = async (seconds: number) => {
  for (let second = 0; second < seconds; second += 1) {
    scene.clock.now += 1_000;
    await scene.sweep();
  }
};

describe('after a notification, it closes', () => {
  it('every tunnel of an expired key, and no other', async () => {
    await expire();
    await scene.tell(key.keyId);
    expect(areOpen()).toEqual(none);
    expect(scene.logged.join()).toContain('key out of service');
  });

  it('the tunnels of clients that are no longer allowed, and keeps the others', async () => {
    await update({ allowed_ips: ['10.0.0.0/8', '2001:db8::/32'] });
    await scene.tell(key.keyId);
    expect(areOpen()).toEqual([false, true, true, true]);
    expect(scene.logged.join()).toContain('address not allowed');
    await update({ allowed_ips: ['10.1.2.4'] });
    await scene.tell(key.keyId);
    expect(areOpen()).toEqual([false, false, true, false]);
    await update({ allowed_ips: [] });
    await scene.tell(key.keyId);
    expect(areOpen()).toEqual([false, false, true, false]);
  });

  it('no tunnel of a key that expires later, or whose secret has a grace', async () => {
    await expireIn(hour);
    await scene.tell(key.keyId);
    const { error } = await owner.supabase.rpc('rotate_proxy_key', {
      id: key.id,
      grace_seconds: 1,
    });
    expect(error).toBeNull();
    await scene.tell(key.keyId);
    await sweepFor(20);
    expect(areOpen()).toEqual(all);
  });
});

describe('a known expiry', () => {
  it('closes the tunnels at the first sweep after it, without a lookup', async () => {
    await expireIn(25_000);
    await scene.tell(key.keyId);
    // its next regular lookup would come later
    scene.clock.now += 16_000;
    await scene.sweep();
    expect(areOpen()).toEqual(all);
    scene.asked.length = 0;
    scene.clock.now += 9_000;
    await scene.sweep();
    expect(areOpen()).toEqual(none);
    expect(scene.asked).toEqual([]);
  });

  it('closes the tunnels even if only a later CONNECT’s lookup showed it', async () => {
    await expireIn(25_000);
    scene.keys.drop(key.keyId);
    // the other tunnels were opened with an earlier lookup
    const late = await scene.open(key.keyId);
    scene.clock.now += 25_000;
    await scene.sweep();
    expect(late.open).toBe(false);
    expect(areOpen()).toEqual(none);
  });

  it('is looked up again while changes are not received, and closes nothing if it was moved', async () => {
    await expireIn(25_000);
    await scene.tell(key.keyId);
    await update({ expires_at: null });
    scene.keys.switchOff();
    await sweepFor(60);
    expect(areOpen()).toEqual(all);
  });

  it.each([
    ['soon', 25_000],
    ['long after the last lookup has expired', hour],
  ])('closes the tunnels even while the database is away, %s', async (_, ms) => {
    await expireIn(ms);
    await scene.tell(key.keyId);
    scene.network.cut();
    scene.keys.switchOff();
    scene.clock.now += ms / 2;
    await scene.sweep();
    expect(areOpen()).toEqual(all);
    scene.clock.now += ms / 2;
    await scene.sweep();
    expect(areOpen()).toEqual(none);
  });
});

describe('a missed change', () => {
  it.each([
    ['an end', expire, none],
    ['a narrower range', () => update({ allowed_ips: ['10.0.0.0/8'] }), [false, true, true, false]],
  ])('(%s) is found within 10 s while changes are not received', async (_, change, open) => {
    scene.keys.switchOff();
    await change();
    await sweepFor(10);
    expect(areOpen()).toEqual(open);
  });

  it.each([
    ['an end', expire, none],
    ['a narrower range', () => update({ allowed_ips: ['10.0.0.0/8'] }), [false, true, true, false]],
  ])(
    '(%s) is found when the cached key is 30 s old, if the loss goes unnoticed',
    async (_, change, open) => {
      await change();
      await sweepFor(41);
      expect(areOpen()).toEqual(open);
    },
  );
});

describe('with tunnels of thousands of keys', () => {
  const keyIds = Array.from({ length: 5_000 }, (_, index) => `key ${index}`);

  /** One tunnel per key. */
  async function crowd(expiresInMs: number | null) {
    const clock = { now: 0 };
    const now = () => clock.now;
    const asked = new Set<string>();
    const closed = new Set<string>();
    const keys = new KeyCache({
      now,
      async lookUp(keyId) {
        asked.add(keyId);
        return { ...keyRecord(keyId), expiresInMs };
      },
    });
    keys.switchOn();
    const log = pino({ level: 'silent' });
    const inUse = new KeysInUse({ keys, ledger: new QuotaLedger(now), log, now });
    const holder = { closeTunnels: (keyId: string) => void closed.add(keyId) };
    for (const keyId of keyIds) inUse.take(holder, keyId, await keys.get(keyId));
    const sweep = async (ms: number) => {
      clock.now += ms;
      inUse.sweep();
      await new Promise((resolve) => setImmediate(resolve));
    };
    return { asked, closed, keys, sweep };
  }

  it('regression: each key gets its turn to be looked up, for any number of keys', async () => {
    const { asked, keys, sweep } = await crowd(null);
    keys.switchOff();
    asked.clear();
    for (let at = 0; at < 25_000; at += 250) await sweep(250);
    expect(asked.size).toBe(keyIds.length);
  });

  it('keys that expire at the same time are closed at the same time', async () => {
    const { closed, sweep } = await crowd(20_000);
    await sweep(19_999);
    expect(closed.size).toBe(0);
    await sweep(1);
    expect(closed.size).toBe(keyIds.length);
  });
});
