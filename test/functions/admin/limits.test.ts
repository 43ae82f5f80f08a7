import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AnnouncedChanges, listenForChanges } from '../../support/announced-changes.ts';
import { askBy, expectSameRefusal } from '../../support/both-ways.ts';
import { calls, type Fields } from '../../support/calls.ts';
import { expectAnswer, keyAnswer, type MintedKey, mintedAnswer } from '../../support/contract.ts';
import { listKeys, mintKey } from '../../support/key-scenes.ts';
import { readOwnAudit } from '../../support/own-history.ts';
import {
  connectGateway,
  connectOwner,
  newAdmin,
  newUser,
  type Persona,
} from '../../support/personas.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
const reason = 'A large customer.';
const most = {
  bandwidthLimitBytes: Number.MAX_SAFE_INTEGER,
  rateLimit: 1_000_000,
  tunnelLimit: 1_000_000,
};
/** The fields for its tier's limits in every answer with a key. */
const listed = { bandwidthLimitBytes: 5_000_000_000, rateLimit: 10 };
const ofDeveloper = { ...listed, tunnelLimit: 100 };
let owner: Persona;
let admin: Persona;
let key: MintedKey;
let announced: AnnouncedChanges;

beforeAll(async () => {
  [owner, admin] = await Promise.all([newUser(), newAdmin()]);
  announced = await listenForChanges(gateway);
});
beforeEach(async () => {
  key = await mintKey(owner);
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

/** The key's limits everywhere they are shown: answers without a tunnel limit last. */
async function shownLimits() {
  const path = `/api/v1/proxy/keys/${key.id}`;
  const one = await expectAnswer(await owner.request('GET', path), 200, keyAnswer);
  const rotated = await expectAnswer(
    await owner.request('POST', `${path}/rotate`),
    200,
    mintedAnswer,
  );
  const [lookedUp] = await gateway`
    select
      bandwidth_limit_bytes::float8 as "bandwidthLimitBytes", rate_limit as "rateLimit",
      tunnel_limit as "tunnelLimit"
    from gateway.lookup_proxy_key(${key.keyId})`;
  const found = await askBy.route(calls.findKeys(admin, { keyId: key.id }));
  const shown = [
    one.key,
    (
      await owner.supabase
        .from('proxy_key_summaries')
        .select(
          'bandwidthLimitBytes:bandwidth_limit_bytes, rateLimit:rate_limit, tunnelLimit:tunnel_limit',
        )
        .eq('id', key.id)
        .single()
    ).data,
    lookedUp,
    found.items[0],
    rotated.key,
    (await listKeys(owner)).find(({ id }) => id === key.id),
  ].map((row) => {
    const { bandwidthLimitBytes, rateLimit, tunnelLimit } = row as Partial<typeof most>;
    return { bandwidthLimitBytes, rateLimit, tunnelLimit };
  });
  return shown;
}

async function readAudit() {
  const rows = await readOwnAudit(owner, key.id);
  return rows
    .filter(({ action }) => action === 'limits_changed')
    .map(({ action, actor_id, reason, changes }) => ({ action, actor_id, reason, changes }));
}

/** The audit rows about limits. */
const changes = (overrides: Record<string, number>) => ({
  tier: 'developer',
  limit_overrides: overrides,
});

describe.each(Object.entries(askBy))('an admin, by %s,', (_, ask) => {
  it.each(['id', 'keyId'] as const)('sets all limits of a key by its %s', async (name) => {
    owner = await newUser();
    key = await mintKey(owner);
    const limits = { bandwidthLimitBytes: 123, rateLimit: 7, tunnelLimit: 8 };
    expect(await ask(calls.limit(admin, key[name], { ...limits, reason }))).toMatchObject({
      status: 200,
      data: { id: key.id, active: true, ...limits },
    });
    const summary = { ...limits, tunnelLimit: undefined };
    expect(await shownLimits()).toEqual([limits, limits, limits, limits, summary, summary]);
    expect(await readAudit()).toEqual([
      {
        action: 'limits_changed',
        actor_id: admin.id,
        reason,
        changes: changes({ bandwidth_limit_bytes: 123, rate_limit: 7, tunnel_limit: 8 }),
      },
    ]);
  });

  it('sets one limit without changing the others, and removes one with null', async () => {
    const steps = [
      [{ bandwidthLimitBytes: 123 }, { bandwidthLimitBytes: 123 }],
      // the same value as the tier's, but still set
      [{ rateLimit: 10 }, { bandwidthLimitBytes: 123, rateLimit: 10 }],
      [{ tunnelLimit: 4 }, { bandwidthLimitBytes: 123, rateLimit: 10, tunnelLimit: 4 }],
      [{ bandwidthLimitBytes: null }, { rateLimit: 10, tunnelLimit: 4 }],
      [{}, { rateLimit: 10, tunnelLimit: 4 }],
      [{ rateLimit: null, tunnelLimit: null }, {}],
    ] as const;
    for (const [fields, limitOverrides] of steps) {
      const { data } = await ask(calls.limit(admin, key.id, { ...fields, reason }));
      expect(data).toMatchObject({ ...ofDeveloper, ...limitOverrides, limitOverrides });
    }
    expect((await readAudit()).map((row) => row.changes)).toEqual([
      changes({ bandwidth_limit_bytes: 123 }),
      changes({ bandwidth_limit_bytes: 123, rate_limit: 10 }),
      changes({ bandwidth_limit_bytes: 123, rate_limit: 10, tunnel_limit: 4 }),
      changes({ rate_limit: 10, tunnel_limit: 4 }),
      changes({}),
    ]);
    expect(await announced.countOf(key.keyId)).toBe(5);
  });

  it('shows the owner which limits are the key’s own', async () => {
    await ask(calls.limit(admin, key.id, { rateLimit: 10, reason }));
    const path = `/api/v1/proxy/keys/${key.id}`;
    const { key: one } = await expectAnswer(await owner.request('GET', path), 200, keyAnswer);
    expect(one.limitOverrides).toEqual({ rateLimit: 10 });
    const { data } = await owner.supabase
      .from('proxy_key_summaries')
      .select('limit_overrides')
      .eq('id', key.id)
      .single();
    expect(data).toEqual({ limit_overrides: { rate_limit: 10 } });
  });

  it.each([
    ['the lowest limits', { bandwidthLimitBytes: 0, rateLimit: 1, tunnelLimit: 1 }],
    ['the highest limits', most],
  ])('can set %s', async (_, limits) => {
    expect(await ask(calls.limit(admin, key.id, { ...limits, reason }))).toMatchObject({
      status: 200,
      data: limits,
    });
  });

  it.each<[string, Fields, string]>([
    ['negative bytes', { ...most, bandwidthLimitBytes: -1 }, 'bandwidthLimitBytes'],
    ['bytes over 2^53 - 1', { ...most, bandwidthLimitBytes: 2 ** 53 }, 'bandwidthLimitBytes'],
    ['a rate of 0', { ...most, rateLimit: 0 }, 'rateLimit'],
    ['a negative rate', { ...most, rateLimit: -1 }, 'rateLimit'],
    ['a rate over a million', { ...most, rateLimit: 1_000_001 }, 'rateLimit'],
    ['half a byte', { bandwidthLimitBytes: 0.5 }, 'bandwidthLimitBytes'],
    ['half a CONNECT', { rateLimit: 0.5 }, 'rateLimit'],
    ['bytes as text', { bandwidthLimitBytes: '5' }, 'bandwidthLimitBytes'],
    ['a rate as text', { rateLimit: '5' }, 'rateLimit'],
    ['tunnels as text', { tunnelLimit: '5' }, 'tunnelLimit'],
    ['huge bytes', { bandwidthLimitBytes: 1e300 }, 'bandwidthLimitBytes'],
    ['a huge rate', { rateLimit: 1e300 }, 'rateLimit'],
    ['true', { bandwidthLimitBytes: true }, 'bandwidthLimitBytes'],
    ['a limit that does not exist', { color: 5 }, 'color'],
    ['a limit that does not exist to null', { color: null }, 'color'],
    ['a tunnel limit of 0', { ...most, tunnelLimit: 0 }, 'tunnelLimit'],
    ['a tunnel limit over a million', { ...most, tunnelLimit: 1_000_001 }, 'tunnelLimit'],
    ['an empty reason', { ...most, reason: ' ' }, 'reason'],
    ['a reason of 501 characters', { ...most, reason: 'x'.repeat(501) }, 'reason'],
    ['a null reason', { ...most, reason: null }, 'reason'],
  ])('cannot set %s', async (_, fields, field) => {
    expect(await ask(calls.limit(admin, key.id, { reason, ...fields }))).toMatchObject({
      status: 400,
      code: 'invalid_request',
      field,
    });
    expect(await readAudit()).toEqual([]);
  });

  it('sets the limits of a suspended and expired key', async () => {
    await sql`
      update proxy_private.proxy_keys set suspended_at = now(), expires_at = now() where id = ${key.id}`;
    expect(await ask(calls.limit(admin, key.id, { ...most, reason }))).toMatchObject({
      status: 200,
      data: { active: false, ...most },
    });
  });

  it('is refused for a deleted key, and for an unknown one', async () => {
    await owner.request('DELETE', `/api/v1/proxy/keys/${key.id}`);
    expect(await ask(calls.limit(admin, key.id, { ...most, reason }))).toMatchObject({
      status: 409,
      code: 'key_deleted',
    });
    for (const id of [randomUUID(), 'avp_live_000000000000']) {
      expect(await ask(calls.limit(admin, id, { ...most, reason }))).toMatchObject({
        status: 404,
        code: 'not_found',
      });
    }
  });

  it('adds no row and notifies no gateway if the limits are already set', async () => {
    await ask(calls.limit(admin, key.id, { ...most, reason }));
    await ask(calls.limit(admin, key.id, { ...most, reason: 'Once more.' }));
    expect(await readAudit()).toMatchObject([{ reason }]);
    expect(await announced.countOf(key.keyId)).toBe(1);
  });

  it('does not affect keys that are minted later', async () => {
    await ask(
      calls.limit(admin, key.id, {
        bandwidthLimitBytes: 9,
        rateLimit: 9,
        tunnelLimit: 9,
        reason,
      }),
    );
    key = await mintKey(owner);
    expect(key).toMatchObject(listed);
    expect((await shownLimits())[0]).toEqual(ofDeveloper);
  });
});

it('a user who is not an admin is refused, even for their own key', async () => {
  for (const by of [owner, await newUser()]) {
    for (const id of [key.id, randomUUID()]) {
      await expectSameRefusal(calls.limit(by, id, { ...most, reason }), 403, 'forbidden');
    }
  }
  expect((await shownLimits())[0]).toEqual(ofDeveloper);
});

describe('over supabase-js,', () => {
  it.each([[[]], ['rate_limit'], [5], [null]])('limits that are %j are refused', async (limits) => {
    const { error } = await admin.supabase.rpc('set_proxy_key_limits', {
      id: key.id,
      reason,
      limits,
    });
    expect(error).toMatchObject({ code: 'PT400', hint: 'invalid_request', details: 'limits' });
  });

  it('limits over 16,384 bytes are refused before they are parsed', async () => {
    const limits = { rate_limit: 5, ['x'.repeat(20_000)]: null };
    const { error } = await admin.supabase.rpc('set_proxy_key_limits', {
      id: key.id,
      reason,
      limits,
    });
    expect(error).toMatchObject({ code: 'PT400', hint: 'invalid_request', details: 'limits' });
  });
});
