import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectGateway, connectOwner, newAdmin, newUser, type Persona } from '../../personas.ts';
import { expectAnswer, keyAnswer, type MintedKey, mintedAnswer } from '../contract.ts';
import { listKeys, mintKey } from '../key-scenes.ts';
import { readOwnAudit } from '../own-history.ts';
import { adminWays, type Fields } from './admin-ways.ts';
import { listenAsGateway, type ToldGateways } from './told-gateways.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
const reason = 'A large customer.';
const most = { bandwidthLimitBytes: Number.MAX_SAFE_INTEGER, rateLimit: 1_000_000 };
const ofDeveloper = { bandwidthLimitBytes: 5_000_000_000, rateLimit: 10 };
let owner: Persona;
let admin: Persona;
let key: MintedKey;
let told: ToldGateways;

beforeAll(async () => {
  [owner, admin] = await Promise.all([newUser(), newAdmin()]);
  told = await listenAsGateway(gateway);
});
beforeEach(async () => {
  key = await mintKey(owner);
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

/** The key's limits, everywhere that they are shown. */
async function shownLimits() {
  const path = `/api/v1/proxy/keys/${key.id}`;
  const one = await expectAnswer(await owner.request('GET', path), 200, keyAnswer);
  const rotated = await expectAnswer(
    await owner.request('POST', `${path}/rotate`),
    200,
    mintedAnswer,
  );
  const [lookedUp] = await gateway<{ bandwidthLimitBytes: string; rateLimit: number }[]>`
    select bandwidth_limit_bytes as "bandwidthLimitBytes", rate_limit as "rateLimit"
    from gateway.lookup_proxy_key(${key.keyId})`;
  const found = await adminWays.route.find(admin, { keyId: key.id });
  const shown = [
    one.key,
    rotated.key,
    (await listKeys(owner)).find(({ id }) => id === key.id),
    (
      await owner.supabase
        .from('proxy_key_summaries')
        .select('bandwidthLimitBytes:bandwidth_limit_bytes, rateLimit:rate_limit')
        .eq('id', key.id)
        .single()
    ).data,
    { ...lookedUp, bandwidthLimitBytes: Number(lookedUp?.bandwidthLimitBytes) },
    found.items[0],
  ].map((row) => {
    const { bandwidthLimitBytes, rateLimit } = row as typeof most;
    return { bandwidthLimitBytes, rateLimit };
  });
  return shown;
}

async function readAudit() {
  const rows = await readOwnAudit(owner, key.id);
  return rows
    .filter(({ action }) => action === 'limits_changed')
    .map(({ action, actor_id, reason, changes }) => ({ action, actor_id, reason, changes }));
}

/** What the audit says of limits. */
const changes = (bytes: number | null, rate: number | null) => ({
  tier: 'developer',
  bandwidth_limit_override_bytes: bytes,
  rate_limit_override: rate,
});

describe.each(Object.entries(adminWays))('by %s, an admin', (_, way) => {
  it.each(['id', 'keyId'] as const)('sets both limits of a key by its %s', async (name) => {
    const owns = await newUser();
    owner = owns;
    key = await mintKey(owner);
    const limits = { bandwidthLimitBytes: 123, rateLimit: 7 };
    expect(await way.limit(admin, key[name], { ...limits, reason })).toMatchObject({
      status: 200,
      data: { id: key.id, active: true, ...limits },
    });
    expect(new Set((await shownLimits()).map((shown) => JSON.stringify(shown)))).toEqual(
      new Set([JSON.stringify(limits)]),
    );
    expect(await readAudit()).toEqual([
      { action: 'limits_changed', actor_id: admin.id, reason, changes: changes(123, 7) },
    ]);
  });

  it('sets one and leaves the other to the tier, and gives both back with null', async () => {
    const half = { bandwidthLimitBytes: 123, rateLimit: null, reason };
    expect((await way.limit(admin, key.id, half)).data).toMatchObject({
      bandwidthLimitBytes: 123,
      rateLimit: ofDeveloper.rateLimit,
    });
    const otherHalf = { bandwidthLimitBytes: null, rateLimit: 3, reason };
    expect((await way.limit(admin, key.id, otherHalf)).data).toMatchObject({
      bandwidthLimitBytes: ofDeveloper.bandwidthLimitBytes,
      rateLimit: 3,
    });
    const none = { bandwidthLimitBytes: null, rateLimit: null, reason: 'Back to normal.' };
    expect((await way.limit(admin, key.id, none)).data).toMatchObject(ofDeveloper);
    expect(await readAudit()).toEqual([
      { action: 'limits_changed', actor_id: admin.id, reason, changes: changes(123, null) },
      { action: 'limits_changed', actor_id: admin.id, reason, changes: changes(null, 3) },
      {
        action: 'limits_changed',
        actor_id: admin.id,
        reason: 'Back to normal.',
        changes: changes(null, null),
      },
    ]);
    expect(await told.timesTold(key.keyId)).toBe(3);
  });

  it.each([
    ['the least', { bandwidthLimitBytes: 0, rateLimit: 1 }],
    ['the most', most],
  ])('may set %s', async (_, limits) => {
    expect(await way.limit(admin, key.id, { ...limits, reason })).toMatchObject({
      status: 200,
      data: limits,
    });
  });

  it.each<[string, Fields, string]>([
    ['negative bytes', { ...most, bandwidthLimitBytes: -1 }, 'bandwidthLimitBytes'],
    ['bytes past 2^53 - 1', { ...most, bandwidthLimitBytes: 2 ** 53 }, 'bandwidthLimitBytes'],
    ['a rate of 0', { ...most, rateLimit: 0 }, 'rateLimit'],
    ['a negative rate', { ...most, rateLimit: -1 }, 'rateLimit'],
    ['a rate past a million', { ...most, rateLimit: 1_000_001 }, 'rateLimit'],
    ['an empty reason', { ...most, reason: ' ' }, 'reason'],
    ['a reason of 501 characters', { ...most, reason: 'x'.repeat(501) }, 'reason'],
    ['no reason but null', { ...most, reason: null }, 'reason'],
  ])('may not set %s', async (_, fields, field) => {
    expect(await way.limit(admin, key.id, { reason, ...fields })).toMatchObject({
      status: 400,
      code: 'invalid_request',
      field,
    });
    expect(await readAudit()).toEqual([]);
  });

  it('sets the limits of a suspended key, and of one that has expired', async () => {
    await sql`
      update private.proxy_keys set suspended_at = now(), expires_at = now() where id = ${key.id}`;
    expect(await way.limit(admin, key.id, { ...most, reason })).toMatchObject({
      status: 200,
      data: { active: false, ...most },
    });
  });

  it('is refused a deleted key, and one that there is not', async () => {
    await owner.request('DELETE', `/api/v1/proxy/keys/${key.id}`);
    expect(await way.limit(admin, key.id, { ...most, reason })).toMatchObject({
      status: 409,
      code: 'key_deleted',
    });
    for (const id of [randomUUID(), 'avp_live_000000000000']) {
      expect(await way.limit(admin, id, { ...most, reason })).toMatchObject({
        status: 404,
        code: 'not_found',
      });
    }
  });

  it('leaves no row and tells no gateway where the limits are so already', async () => {
    await way.limit(admin, key.id, { ...most, reason });
    await way.limit(admin, key.id, { ...most, reason: 'Once more.' });
    expect(await readAudit()).toMatchObject([{ reason }]);
    expect(await told.timesTold(key.keyId)).toBe(1);
  });

  it('leaves a key that is minted later to its tier', async () => {
    await way.limit(admin, key.id, { bandwidthLimitBytes: 9, rateLimit: 9, reason });
    const fresh = await mintKey(owner);
    expect(fresh).toMatchObject(ofDeveloper);
  });
});

describe.each(Object.entries(adminWays))('by %s, who is no admin', (_, way) => {
  it('is refused, also for an own key', async () => {
    for (const by of [owner, await newUser()]) {
      for (const id of [key.id, randomUUID()]) {
        expect(await way.limit(by, id, { ...most, reason })).toMatchObject({
          status: 403,
          code: 'forbidden',
        });
      }
    }
    expect((await listKeys(owner)).find(({ id }) => id === key.id)).toMatchObject(ofDeveloper);
  });
});

describe('over HTTP both limits must be there, so that none is given back by mistake', () => {
  it.each<[string, Fields, string]>([
    ['no bytes', { rateLimit: 5 }, 'bandwidthLimitBytes'],
    ['no rate', { bandwidthLimitBytes: 5 }, 'rateLimit'],
    ['bytes as text', { bandwidthLimitBytes: '5', rateLimit: 5 }, 'bandwidthLimitBytes'],
    ['a rate as text', { bandwidthLimitBytes: 5, rateLimit: '5' }, 'rateLimit'],
    ['half a byte', { bandwidthLimitBytes: 0.5, rateLimit: 5 }, 'bandwidthLimitBytes'],
    ['half a CONNECT', { bandwidthLimitBytes: 5, rateLimit: 0.5 }, 'rateLimit'],
    ['huge bytes', { bandwidthLimitBytes: 1e300, rateLimit: 5 }, 'bandwidthLimitBytes'],
    ['a huge rate', { bandwidthLimitBytes: 5, rateLimit: 1e300 }, 'rateLimit'],
    ['true', { bandwidthLimitBytes: true, rateLimit: 5 }, 'bandwidthLimitBytes'],
  ])('so %s is refused', async (_, fields, field) => {
    expect(await adminWays.route.limit(admin, key.id, { reason, ...fields })).toMatchObject({
      status: 400,
      code: 'invalid_request',
      field,
    });
  });
});

describe('over supabase-js', () => {
  it('a limit that is left out is given back to the tier, as null does', async () => {
    await adminWays.rpc.limit(admin, key.id, { ...most, reason });
    expect((await adminWays.rpc.limit(admin, key.id, { reason })).data).toMatchObject(ofDeveloper);
  });

  it.each([
    ['bytes', { bandwidth_limit_bytes: 1e300 }],
    ['a rate', { rate_limit: 2 ** 31 }],
  ])('huge %s are out of the range of their type', async (_, limits) => {
    const { status, error } = await admin.supabase.rpc('set_proxy_key_limits', {
      id: key.id,
      reason,
      ...limits,
    });
    expect(status).toBe(400);
    expect(error?.code).toMatch(/^(22003|22P02)$/);
  });
});
