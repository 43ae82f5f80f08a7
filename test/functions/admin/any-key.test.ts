import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, askBy, expectSameRefusal } from '../../support/both-ways.ts';
import { calls, type Fields } from '../../support/calls.ts';
import type { MintedKey } from '../../support/contract.ts';
import { mintKey } from '../../support/key-scenes.ts';
import {
  connectGateway,
  connectOwner,
  newAdmin,
  newUser,
  type Persona,
} from '../../support/personas.ts';
import { hashSecret } from '../../support/seeded-keys.ts';
import { report } from '../../support/usage-scenes.ts';

const sql = connectOwner();
const gateway = connectGateway();
let admin: Persona;
let owner: Persona;
let key: MintedKey;
let unused: MintedKey;

beforeAll(async () => {
  [admin, owner] = await Promise.all([newAdmin(), newUser()]);
  key = await mintKey(owner, { label: 'crawler' });
  unused = await mintKey(owner, { label: 'unused', liveMode: false });
  await report(gateway, key.id, [{ bytesSent: 10, bytesReceived: 20 }]);
  await report(gateway, key.id, [
    { statusCode: 403, code: 'address_forbidden', bytesSent: 0, bytesReceived: 0, count: 7 },
  ]);
  await askBy.rpc(calls.suspend(admin, unused.id, { reason: 'Abuse' }));
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

/** A part of the answer about a key. */
const part = ({ data }: Answer, name: string) => data?.[name] as Fields;

describe.each(Object.entries(askBy))('an admin, by %s,', (_, ask) => {
  it.each<[string, () => string]>([
    ['uuid', () => key.id],
    ['uuid in upper case', () => key.id.toUpperCase()],
    ['keyId', () => key.keyId],
    ['keyId in upper case', () => key.keyId.toUpperCase()],
  ])('reads any key by its %s, with every reason for refusing it', async (_, reference) => {
    const answer = await ask(calls.readAny(admin, reference()));
    expect(answer.status).toBe(200);
    expect(part(answer, 'key')).toMatchObject({
      id: key.id,
      keyId: key.keyId,
      email: owner.email,
      userId: owner.id,
      active: true,
      bandwidthUsedThisPeriodBytes: 30,
    });
    expect(part(answer, 'owner')).toEqual({
      userId: owner.id,
      email: owner.email,
      removed: false,
      barredUntil: null,
    });
    expect(part(answer, 'account')).toMatchObject({
      userId: owner.id,
      tiers: expect.arrayContaining([
        expect.objectContaining({ tier: 'developer', usedBytes: 30 }),
      ]),
    });
    expect(part(answer, 'lastEvent')).toMatchObject({
      apiKeyId: key.id,
      code: 'address_forbidden',
      count: 7,
      howToFix: expect.stringContaining('allowed ranges'),
    });
    const text = JSON.stringify(answer);
    expect(text).not.toContain(key.secret);
    expect(text).not.toContain(hashSecret(key.keyId, key.secret));
  });

  it('reads the suspension of a key that was never used', async () => {
    const answer = await ask(calls.readAny(admin, unused.keyId));
    expect(part(answer, 'key')).toMatchObject({ active: false, suspendedReason: 'Abuse' });
    expect(answer.data?.lastEvent).toBeNull();
  });

  it("reads the end of its owner's ban, and that the account was removed", async () => {
    const gone = await newUser();
    const left = await mintKey(gone);
    await sql`update auth.users set banned_until = '2099-05-06 07:08:09Z' where id = ${gone.id}`;
    const banned = await ask(calls.readAny(admin, left.keyId));
    expect(part(banned, 'key')).toMatchObject({ active: false, deletedAt: null });
    expect(new Date(String(part(banned, 'owner').barredUntil)).toISOString()).toBe(
      '2099-05-06T07:08:09.000Z',
    );
    await sql`update auth.users set banned_until = now() - interval '1 s' where id = ${gone.id}`;
    expect(part(await ask(calls.readAny(admin, left.keyId)), 'owner').barredUntil).toBeNull();
    await sql`delete from auth.users where id = ${gone.id}`;
    const removed = await ask(calls.readAny(admin, left.keyId));
    expect(part(removed, 'owner')).toEqual({
      userId: null,
      email: null,
      removed: true,
      barredUntil: null,
    });
    expect(removed.data?.account).toBeNull();
  });

  it('reads its events and history as the owner does, filtered and in pages', async () => {
    const { items, cursor } = await ask(calls.anyEvents(admin, key.keyId, { limit: 1 }));
    expect(items).toEqual([expect.objectContaining({ code: 'address_forbidden' })]);
    const rest = await ask(calls.anyEvents(admin, key.id, { cursor }));
    expect(rest.items).toEqual([expect.objectContaining({ code: null, howToFix: null })]);
    const owned = await ask(calls.events(owner, key.id));
    expect([...items, ...rest.items]).toEqual(owned.items);
    expect((await ask(calls.anyEvents(admin, key.id, { code: 'rate_limited' }))).items).toEqual([]);

    const audit = await ask(calls.anyAudit(admin, unused.keyId.toUpperCase()));
    expect(audit.items.map(({ action, reason }) => [action, reason])).toEqual([
      ['suspended', 'Abuse'],
      ['minted', null],
    ]);
    const first = await ask(calls.anyAudit(admin, unused.id, { limit: 1 }));
    const second = await ask(calls.anyAudit(admin, unused.id, { cursor: first.cursor }));
    expect([...first.items, ...second.items]).toEqual(audit.items);
  });

  it('reads its usage over time and its outcomes as the owner does', async () => {
    const span = { interval: 'day', from: new Date(Date.now() - 3_600_000).toISOString() };
    const usage = await ask(calls.anyUsageOverTime(admin, key.keyId, span));
    expect(usage.data).toEqual(
      (await ask(calls.usageOverTime(owner, { ...span, keyId: key.id }))).data,
    );
    expect(JSON.stringify(usage.data)).toContain('"requests":1');
    const outcomes = await ask(calls.anyUsageByOutcome(admin, key.id, span));
    expect(outcomes.data).toEqual(
      (await ask(calls.usageByOutcome(owner, { ...span, keyId: key.id }))).data,
    );
    expect(JSON.stringify(outcomes.data)).toContain('"address_forbidden"');
  });
});

const reads = {
  key: calls.readAny,
  events: calls.anyEvents,
  audit: calls.anyAudit,
  'usage over time': (by: Persona, id: string) =>
    calls.anyUsageOverTime(by, id, { interval: 'day' }),
  outcomes: calls.anyUsageByOutcome,
};

describe.each(Object.entries(reads))('the %s of a key', (_, read) => {
  it('is for admins only: even its owner is refused', async () => {
    for (const id of [key.id, key.keyId, randomUUID()]) {
      await expectSameRefusal(read(owner, id), 403, 'forbidden');
    }
  });

  it('is not found for an unknown key', async () => {
    for (const id of [randomUUID(), 'avp_live_000000000000', owner.id]) {
      await expectSameRefusal(read(admin, id), 404, 'not_found');
    }
  });
});

it('reading adds nothing to the audit log', async () => {
  const count = async () =>
    (await sql`select from proxy_private.proxy_key_audit where actor_id = ${admin.id}`).count;
  const before = await count();
  for (const read of Object.values(reads))
    expect((await askBy.rpc(read(admin, key.id))).code).toBe(null);
  expect(await count()).toBe(before);
});

it.each([
  ['list_proxy_key_audit', {}],
  ['proxy_usage_series', { interval: 'day' }],
  ['proxy_usage_outcomes', {}],
] as const)('with as_admin, %s requires a key', async (name, args) => {
  const { error } = await admin.supabase.rpc(name, { ...args, as_admin: true } as never);
  expect(error).toMatchObject({ hint: 'invalid_request', details: 'as_admin' });
});
