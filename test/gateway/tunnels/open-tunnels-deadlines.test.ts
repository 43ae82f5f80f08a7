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

/** Changes the key; the scene hears of it when it is told. */
async function update(changes: { allowed_ips?: string[]; expires_at?: string | null }) {
  const { error } = await owner.supabase.rpc('update_proxy_key', { id: key.id, changes });
  expect(error).toBeNull();
}
const expireIn = (ms: number) => update({ expires_at: new Date(Date.now() + ms).toISOString() });
const expire = () =>
  sql`update proxy_private.proxy_keys set expires_at = now() where id = ${key.id}`;
/** Which of this key's tunnels are open; the other key's always is. */
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

describe('told of a change, it closes', () => {
  it('every tunnel of a key that has expired, and no other', async () => {
    await expire();
    await scene.tell(key.keyId);
    expect(areOpen()).toEqual(none);
    expect(scene.logged.join()).toContain('key out of service');
  });

  it('the tunnels of clients that are allowed no longer, and not those that are', async () => {
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

  it('no tunnel of a key whose end is to come, or whose secret has a grace', async () => {
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

describe('an end that it was told of', () => {
  it('closes the tunnels at the first sweep after it, and nobody is asked', async () => {
    await expireIn(25_000);
    await scene.tell(key.keyId);
    // its next turn to be asked for comes later
    scene.clock.now += 16_000;
    await scene.sweep();
    expect(areOpen()).toEqual(all);
    scene.asked.length = 0;
    scene.clock.now += 9_000;
    await scene.sweep();
    expect(areOpen()).toEqual(none);
    expect(scene.asked).toEqual([]);
  });

  it('closes them also where nothing but the look-up for a later CONNECT told it', async () => {
    await expireIn(25_000);
    scene.keys.drop(key.keyId);
    // the others were judged by what was looked up before
    const late = await scene.open(key.keyId);
    scene.clock.now += 25_000;
    await scene.sweep();
    expect(late.open).toBe(false);
    expect(areOpen()).toEqual(none);
  });

  it('is asked for again where changes are not heard, and nothing is closed if it was moved', async () => {
    await expireIn(25_000);
    await scene.tell(key.keyId);
    await update({ expires_at: null });
    scene.keys.switchOff();
    await sweepFor(60);
    expect(areOpen()).toEqual(all);
  });

  it.each([
    ['soon', 25_000],
    ['when what was looked up is long too old', hour],
  ])('closes them though the database is away, %s', async (_, ms) => {
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

describe('what was missed', () => {
  it.each([
    ['an end', expire, none],
    ['a narrower range', () => update({ allowed_ips: ['10.0.0.0/8'] }), [false, true, true, false]],
  ])('%s is found within 10 s where changes are not heard', async (_, change, open) => {
    scene.keys.switchOff();
    await change();
    await sweepFor(10);
    expect(areOpen()).toEqual(open);
  });

  it.each([
    ['an end', expire, none],
    ['a narrower range', () => update({ allowed_ips: ['10.0.0.0/8'] }), [false, true, true, false]],
  ])(
    '%s is found when what is kept is 30 s old, without anybody noticing',
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

  it('regression: each key has its turn to be asked for, however many there are', async () => {
    const { asked, keys, sweep } = await crowd(null);
    keys.switchOff();
    asked.clear();
    for (let at = 0; at < 25_000; at += 250) await sweep(250);
    expect(asked.size).toBe(keyIds.length);
  });

  it('all that expire at once are closed at once', async () => {
    const { closed, sweep } = await crowd(20_000);
    await sweep(19_999);
    expect(closed.size).toBe(0);
    await sweep(1);
    expect(closed.size).toBe(keyIds.length);
  });
});
