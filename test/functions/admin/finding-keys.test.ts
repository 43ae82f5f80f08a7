import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, askBy, expectSameRefusal } from '../../support/both-ways.ts';
import { calls, type Fields } from '../../support/calls.ts';
import { expectAnswer, foundKeysAnswer, type MintedKey } from '../../support/contract.ts';
import { insertKeys, mintKey } from '../../support/key-scenes.ts';
import { connectOwner, newAdmin, newUser, type Persona } from '../../support/personas.ts';
import { hashSecret } from '../../support/seeded-keys.ts';

const sql = connectOwner();
/** Part of the labels in this file only. */
const mark = randomUUID();
let admin: Persona;
let one: Persona;
let two: Persona;
let gone: Persona;
let keys: Record<'plain' | 'percent' | 'underscore' | 'team' | 'test' | 'ownerless', MintedKey>;

beforeAll(async () => {
  [admin, one, two, gone] = await Promise.all([newAdmin(), newUser(), newUser(), newUser()]);
  keys = {
    plain: await mintKey(one, { label: `${mark} Prod Äpfel` }),
    percent: await mintKey(one, { label: `${mark} 100% sure` }),
    underscore: await mintKey(one, { label: `${mark} a_b\\c` }),
    team: await mintKey(two, { label: `${mark} of a team`, tier: 'team' }),
    test: await mintKey(two, { label: `${mark} to try`, liveMode: false }),
    ownerless: await mintKey(gone, { label: `${mark} left behind` }),
  };
  await one.request('DELETE', `/api/v1/proxy/keys/${keys.percent.id}`);
  await sql`
    update proxy_private.proxy_keys set suspended_at = now(), suspended_reason = 'Abuse'
    where id = ${keys.underscore.id}`;
  await sql`
    update proxy_private.proxy_keys set expires_at = now() - interval '1 s' where id = ${keys.team.id}`;
  await sql`delete from auth.users where id = ${gone.id}`;
});
afterAll(() => sql.end());

type Name = keyof typeof keys;

describe.each(Object.entries(askBy))('an admin, by %s,', (_, ask) => {
  /** The names of this file's keys that a query finds, newest first. */
  async function find(query: Fields): Promise<string[]> {
    const { status, items } = await ask(
      calls.findKeys(admin, { label: mark, limit: 200, ...query }),
    );
    expect(status).toBe(200);
    return items.map(
      ({ id }) => Object.entries(keys).find(([, key]) => key.id === id)?.[0] ?? 'another',
    );
  }

  it('finds the keys of all users, newest first', async () => {
    expect(await find({})).toEqual(['ownerless', 'test', 'team', 'underscore', 'percent', 'plain']);
  });

  it('sees each key with its state and owner, and without a secret or hash', async () => {
    const { items } = await ask(calls.findKeys(admin, { label: mark }));
    const found = (name: Name) => items.find(({ id }) => id === keys[name].id);
    expect(found('plain')).toMatchObject({
      keyId: keys.plain.keyId,
      userId: one.id,
      email: one.email,
      active: true,
      allowedIps: [],
      graceEndsAt: null,
      bandwidthUsedThisPeriodBytes: 0,
    });
    expect(found('underscore')).toMatchObject({ active: false, suspendedReason: 'Abuse' });
    expect(found('percent')).toMatchObject({ active: false, deletedAt: expect.any(String) });
    expect(found('team')).toMatchObject({ active: false, expiresAt: expect.any(String) });
    expect(found('ownerless')).toMatchObject({ active: false, userId: null, email: null });
    const text = JSON.stringify(items);
    for (const { keyId, secret } of Object.values(keys)) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(hashSecret(keyId, secret));
    }
  });

  it.each<[string, () => Fields, Name[]]>([
    ['a uuid', () => ({ keyId: keys.team.id }), ['team']],
    ['a uuid in upper case', () => ({ keyId: keys.team.id.toUpperCase() }), ['team']],
    ['a keyId', () => ({ keyId: keys.test.keyId }), ['test']],
    ['the keyId of a deleted key', () => ({ keyId: keys.percent.keyId }), ['percent']],
    ['a user id', () => ({ user: two.id }), ['test', 'team']],
    ['an e-mail address', () => ({ user: two.email }), ['test', 'team']],
    [
      'an e-mail address in upper case',
      () => ({ user: two.email.toUpperCase() }),
      ['test', 'team'],
    ],
    ['a label, ignoring case', () => ({ label: `${mark} PROD ä` }), ['plain']],
    ['the middle of a label', () => ({ label: `${mark.slice(-8)} to t` }), ['test']],
    ['a literal percent sign', () => ({ label: `${mark} 100%` }), ['percent']],
    ['a literal underscore', () => ({ label: `${mark} a_b` }), ['underscore']],
    ['a literal backslash', () => ({ label: `${mark} a_b\\` }), ['underscore']],
    ['active keys', () => ({ active: true }), ['test', 'plain']],
    ['inactive keys', () => ({ active: false }), ['ownerless', 'team', 'underscore', 'percent']],
    ['a tier', () => ({ tier: 'team' }), ['team']],
    ['the mode live', () => ({ liveMode: true, user: two.id }), ['team']],
    ['the mode test', () => ({ liveMode: false }), ['test']],
    [
      'all filters at once',
      () => ({
        keyId: keys.plain.keyId,
        user: one.email,
        label: `${mark} prod`,
        active: true,
        tier: 'developer',
        liveMode: true,
      }),
      ['plain'],
    ],
  ])('finds by %s', async (_, query, names) => {
    expect(await find(query())).toEqual(names);
  });

  it.each<[string, () => Fields]>([
    ['an unknown uuid', () => ({ keyId: randomUUID() })],
    ['an unknown keyId', () => ({ keyId: 'avp_live_000000000000' })],
    ['text that is not a name of a key', () => ({ keyId: '%' })],
    ['a truncated keyId', () => ({ keyId: keys.plain.keyId.slice(0, -1) })],
    ['an unknown user', () => ({ user: 'nobody@example.com' })],
    ['an unknown user id', () => ({ user: randomUUID() })],
    ['a wildcard as user', () => ({ user: '%' })],
    ['a removed account', () => ({ user: gone.id })],
    ['the address of a removed account', () => ({ user: gone.email })],
    ['part of an address', () => ({ user: one.email.slice(0, 20) })],
    ['a wildcard in a label', () => ({ label: `${mark}%prod` })],
    ['a wildcard for a letter', () => ({ label: `${mark} a-b` })],
    ["another user's key", () => ({ user: one.id, keyId: keys.team.id })],
    ['a tier with no such key', () => ({ tier: 'enterprise' })],
  ])('finds nothing by %s', async (_, query) => {
    expect(await find(query())).toEqual([]);
  });

  it.each<[string, Fields, string]>([
    ['a limit of 0', { limit: 0 }, 'limit'],
    ['a limit of 201', { limit: 201 }, 'limit'],
    ['a negative limit', { limit: -1 }, 'limit'],
    ['an unknown tier', { tier: 'gold' }, 'tier'],
    ['an invalid cursor', { cursor: 'nonsense' }, 'cursor'],
    ['a cursor out of range', { cursor: '_'.repeat(32) }, 'cursor'],
  ])('is refused %s, and the answer names the parameter', async (_, query, field) => {
    expect(await ask(calls.findKeys(admin, query))).toMatchObject({
      status: 400,
      code: 'invalid_request',
      field,
    });
  });

  it('reads the original keys page by page while keys are added and removed', async () => {
    const many = await newUser();
    const made = await insertKeys(sql, many.id, { count: 7 });
    const ids: unknown[] = [];
    let cursor: string | null = null;
    do {
      const page: Answer = await ask(
        calls.findKeys(admin, {
          user: many.id,
          limit: 3,
          ...(cursor === null ? {} : { cursor }),
        }),
      );
      expect(page.items.length).toBeLessThanOrEqual(3);
      ids.push(...page.items.map(({ id }) => id));
      cursor = page.cursor;
      await mintKey(many);
      await many.request('DELETE', `/api/v1/proxy/keys/${made[0]?.id}`);
    } while (cursor !== null);
    expect(new Set(ids)).toEqual(new Set(made.map(({ id }) => id)));
    expect(ids).toHaveLength(7);
  });

  it('gets 50 keys without a limit, and no cursor on the last page', async () => {
    const many = await newUser();
    await insertKeys(sql, many.id, { count: 51 });
    const first = await ask(calls.findKeys(admin, { user: many.email }));
    expect(first.items).toHaveLength(50);
    expect(first.cursor).not.toBeNull();
    const rest = await ask(calls.findKeys(admin, { user: many.email, cursor: first.cursor }));
    expect(rest.items).toHaveLength(1);
    expect(rest.cursor).toBeNull();
    const all = await ask(calls.findKeys(admin, { user: many.email, limit: 51 }));
    expect(all.items).toHaveLength(51);
    expect(all.cursor).toBeNull();
  });
});

it('a user who is not an admin is refused, even for their own keys, and gets no address', async () => {
  for (const query of [{}, { user: one.id }, { user: two.email }, { keyId: keys.plain.id }]) {
    await expectSameRefusal(calls.findKeys(one, query), 403, 'forbidden');
  }
});

describe('over HTTP', () => {
  it('the answer is a bare array, and the Link to the next page keeps the filters', async () => {
    const owner = await newUser();
    await insertKeys(sql, owner.id, { count: 5 });
    const path = '/admin/proxy/keys';
    let search = `?user=${encodeURIComponent(owner.email)}&limit=2&active=true&apikey=x`;
    const sizes: number[] = [];
    for (;;) {
      const response = await admin.request('GET', `${path}${search}`);
      sizes.push((await expectAnswer(response, 200, foundKeysAnswer)).length);
      const link = response.headers.get('Link');
      if (link === null) break;
      expect(link).toMatch(/^<\?[^>]+>; rel="next"$/);
      search = link.slice(1, link.indexOf('>'));
      const query = new URLSearchParams(search);
      expect(query.get('user')).toBe(owner.email);
      expect([...query.keys()].sort()).toEqual(['active', 'cursor', 'limit', 'user']);
    }
    expect(sizes).toEqual([2, 2, 1]);
  });

  it.each([
    ['an unknown parameter', 'color=red', 'color'],
    ['a parameter in snake case', 'key_id=x', 'key_id'],
    ['a repeated parameter', 'tier=team&tier=developer', 'tier'],
    ['a value that is neither true nor false', 'active=yes', 'active'],
    ['a limit that is not a number', 'limit=x', 'limit'],
    ['a fractional limit', 'limit=1.5', 'limit'],
    ['an empty limit', 'limit=', 'limit'],
    ['a NUL', 'label=%00', 'label'],
  ])('%s in the query is refused, and the answer names it', async (_, search, field) => {
    const response = await admin.request('GET', `/admin/proxy/keys?${search}`);
    const { code, errors } = (await response.json()) as {
      code: string;
      errors: { path: string }[];
    };
    expect(response.status).toBe(400);
    expect({ code, paths: errors.map(({ path }) => path) }).toEqual({
      code: 'invalid_request',
      paths: [field],
    });
  });
});
