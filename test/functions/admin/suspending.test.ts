import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AnnouncedChanges, listenForChanges } from '../../support/announced-changes.ts';
import { readReasons } from '../../support/audit-rows.ts';
import { askBy, expectSameRefusal } from '../../support/both-ways.ts';
import { calls, type Fields } from '../../support/calls.ts';
import { expectAnswer, expectProblem, keyAnswer, type MintedKey } from '../../support/contract.ts';
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
const reason = 'Reported for abuse: ticket 42.';
let announced: AnnouncedChanges;
let owner: Persona;
let other: Persona;
let admin: Persona;
let key: MintedKey;

beforeAll(async () => {
  [other, admin] = await Promise.all([newUser(), newAdmin()]);
  announced = await listenForChanges(gateway);
});
// one per describe block, as a user may mint 60 keys per minute
const newOwner = async () => {
  owner = await newUser();
};
beforeEach(async () => {
  key = await mintKey(owner);
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const readKey = async (by: Persona) =>
  (await expectAnswer(await by.request('GET', `/api/v1/proxy/keys/${key.id}`), 200, keyAnswer)).key;

/** What a gateway finds for the key. */
async function lookUp() {
  const [row] = await gateway`
    select active, suspended from gateway.lookup_proxy_key(${key.keyId})`;
  return row;
}

describe.each(Object.entries(askBy))('an admin, by %s,', (_, ask) => {
  beforeAll(newOwner);

  it.each(['id', 'keyId'] as const)('suspends a key by its %s', async (name) => {
    const answer = await ask(calls.suspend(admin, key[name], { reason }));
    expect(answer).toMatchObject({
      status: 200,
      data: { id: key.id, active: false, suspendedReason: reason, deletedAt: null },
    });
    expect(answer.data?.suspendedAt).toEqual(expect.any(String));
    expect(await lookUp()).toEqual({ active: false, suspended: true });
  });

  it('shows the owner the reason, wherever the owner looks, without an email address', async () => {
    await ask(calls.suspend(admin, key.id, { reason }));
    const shown = await readKey(owner);
    expect(shown).toMatchObject({ active: false, suspendedReason: reason });
    const { data } = await owner.supabase
      .from('proxy_key_summaries')
      .select('active, suspended_at, suspended_reason')
      .eq('id', key.id)
      .single();
    expect(data).toEqual({
      active: false,
      suspended_at: expect.any(String),
      suspended_reason: reason,
    });
    const audit = await readOwnAudit(owner, key.id);
    const row = { changes: null, tier: null };
    expect(audit).toMatchObject([
      { ...row, action: 'minted', actor_id: owner.id, reason: null },
      { ...row, action: 'suspended', actor_id: admin.id, reason },
    ]);
    expect(JSON.stringify([shown, data, audit])).not.toContain(admin.email);
  });

  it("does not change the shape of the owner's list", async () => {
    await ask(calls.suspend(admin, key.id, { reason }));
    const listed = (await listKeys(owner)).find(({ id }) => id === key.id);
    expect(listed).toMatchObject({ active: false });
    expect(listed).not.toHaveProperty('suspendedReason');
  });

  it('prevents rotation, but lets the owner delete the key', async () => {
    await ask(calls.suspend(admin, key.id, { reason }));
    const path = `/api/v1/proxy/keys/${key.id}`;
    await expectProblem(await owner.request('POST', `${path}/rotate`), 409, 'key_suspended');
    expect((await owner.request('DELETE', path)).status).toBe(204);
    expect(await readKey(owner)).toMatchObject({ active: false, suspendedReason: reason });
  });

  it('leaves a suspended key unchanged, with its first reason and one row', async () => {
    const first = await ask(calls.suspend(admin, key.id, { reason }));
    const again = await ask(calls.suspend(await newAdmin(), key.id, { reason: 'Another one.' }));
    expect(again).toEqual(first);
    expect(await readReasons(sql, key.id)).toEqual([
      ['minted', null],
      ['suspended', reason],
    ]);
  });

  it('notifies the gateways once', async () => {
    await ask(calls.suspend(admin, key.id, { reason }));
    await ask(calls.suspend(admin, key.id, { reason }));
    expect(await announced.countOf(key.keyId)).toBe(1);
  });

  it.each([
    ['trimmed', '  \t Abuse\u00a0\n ', 'Abuse'],
    ['of one character', 'x', 'x'],
    ['of 500 characters', 'é'.repeat(500), 'é'.repeat(500)],
    ['of 500 characters outside the basic plane', '🔑'.repeat(500), '🔑'.repeat(500)],
    ['of 500 characters with surrounding spaces', ` ${'x'.repeat(500)} `, 'x'.repeat(500)],
    ['with quotes and markup', `'); drop table x; -- <b>"`, `'); drop table x; -- <b>"`],
  ])('can give a reason %s', async (_, given, kept) => {
    expect(await ask(calls.suspend(admin, key.id, { reason: given }))).toMatchObject({
      status: 200,
      data: { suspendedReason: kept },
    });
    expect(await readReasons(sql, key.id)).toContainEqual(['suspended', kept]);
  });

  it.each<[string, Fields]>([
    ['null', { reason: null }],
    ['empty', { reason: '' }],
    ['only spaces', { reason: ' \t\n\u00a0\u3000' }],
    ['501 characters long', { reason: 'x'.repeat(501) }],
    ['501 characters outside the basic plane', { reason: '🔑'.repeat(501) }],
    ['text with a line break', { reason: 'one\ntwo' }],
    ['text with an escape character', { reason: 'one\u001b[31mtwo' }],
    ['text with a DEL', { reason: 'one\u007ftwo' }],
    ['text with a C1 control', { reason: 'one\u0085two' }],
  ])('cannot give a reason that is %s', async (_, fields) => {
    expect(await ask(calls.suspend(admin, key.id, fields))).toMatchObject({
      status: 400,
      code: 'invalid_request',
      field: 'reason',
    });
    expect(await readReasons(sql, key.id)).toEqual([['minted', null]]);
  });

  it('is refused for a deleted key, and for an unknown one', async () => {
    await owner.request('DELETE', `/api/v1/proxy/keys/${key.id}`);
    expect(await ask(calls.suspend(admin, key.id, { reason }))).toMatchObject({
      status: 409,
      code: 'key_deleted',
    });
    for (const id of [randomUUID(), 'avp_live_000000000000', '']) {
      if (id === '' && ask === askBy.route) continue;
      expect(await ask(calls.suspend(admin, id, { reason }))).toMatchObject({
        status: 404,
        code: 'not_found',
      });
    }
    expect(await readReasons(sql, key.id)).toEqual([
      ['minted', null],
      ['deleted', null],
    ]);
  });

  it('can suspend their own key, and an expired key', async () => {
    await sql`
      update proxy_private.proxy_keys set expires_at = now() - interval '1 hour' where id = ${key.id}`;
    expect((await ask(calls.suspend(admin, key.id, { reason }))).status).toBe(200);
    const own = await mintKey(admin);
    expect((await ask(calls.suspend(admin, own.id, { reason }))).status).toBe(200);
  });
});

describe('a user who is not an admin', () => {
  beforeAll(newOwner);

  it('is refused, no matter who owns the key and whether or not it exists', async () => {
    for (const by of [owner, other]) {
      for (const id of [key.id, key.keyId, randomUUID()]) {
        await expectSameRefusal(calls.suspend(by, id, { reason }), 403, 'forbidden');
      }
    }
    expect(await readKey(owner)).toMatchObject({ active: true, suspendedReason: null });
  });

  it('is refused before the database checks the reason', async () => {
    await expectSameRefusal(calls.suspend(owner, key.id, { reason: '' }), 403, 'forbidden');
  });
});

describe('a reason that is not text', () => {
  beforeAll(newOwner);

  it.each<[string, unknown]>([
    ['a number', 5],
    ['true', true],
    ['a list', ['because']],
    ['an object', { text: 'because' }],
    ['text with a NUL', 'one\u0000two'],
    ['text with half of a surrogate pair', 'one\ud800two'],
  ])('is refused by the route: %s', async (_, given) => {
    expect(await askBy.route(calls.suspend(admin, key.id, { reason: given }))).toMatchObject({
      status: 400,
      code: 'invalid_request',
      field: 'reason',
    });
  });

  it('if missing, is named by the route, and PostgREST finds no such function', async () => {
    expect(await askBy.route(calls.suspend(admin, key.id, {}))).toMatchObject({
      code: 'invalid_request',
      field: 'reason',
    });
    const { status, error } = await admin.supabase.rpc('suspend_proxy_key', {
      id: key.id,
    } as never);
    expect({ status, code: error?.code }).toEqual({ status: 404, code: 'PGRST202' });
  });
});
