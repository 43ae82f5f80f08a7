import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readActions, readAudit } from '../support/audit-rows.ts';
import { askBy, keyOf } from '../support/both-ways.ts';
import { calls } from '../support/calls.ts';
import { readOwnAudit } from '../support/own-history.ts';
import { connectOwner, newAdmin, newUser, type Persona, request } from '../support/personas.ts';
import { type SeededKey, seedKey } from '../support/seeded-keys.ts';
import { countRotations, forgetWrites } from '../support/write-windows.ts';
import { asUser } from './database-role.ts';

const sql = connectOwner();
let owner: Persona;
let admin: Persona;
let key: SeededKey;

beforeAll(async () => {
  [owner, admin] = await Promise.all([newUser(), newAdmin()]);
});
beforeEach(async () => {
  key = await seedKey(sql, owner.id);
});
afterAll(() => sql.end());

const update = (assignments: string) =>
  sql.unsafe(`update proxy_private.proxy_keys set ${assignments} where id = '${key.id}'`);

describe('each change of a key adds one row with actor, owner and request', () => {
  it('by route', async () => {
    const requestIds = Array.from({ length: 4 }, () => `request-${randomUUID()}`);
    const send = async (n: number, user: Persona, method: string, path: string, body?: unknown) => {
      const headers = { 'X-Request-Id': requestIds[n] ?? '' };
      const response = await request(method, path, { token: user.token, body, headers });
      expect(response.headers.get('X-Request-Id')).toBe(requestIds[n]);
      return response;
    };
    const minted = await send(0, owner, 'POST', '/api/v1/proxy/keys', { label: 'audited' });
    const { id } = ((await minted.json()) as { key: { id: string } }).key;
    await send(1, owner, 'POST', `/api/v1/proxy/keys/${id}/rotate`);
    await send(2, owner, 'DELETE', `/api/v1/proxy/keys/${id}`);
    await send(3, admin, 'POST', `/admin/proxy/keys/${id}/reactivate`);
    expect(await readAudit(sql, id)).toEqual([
      { action: 'minted', actor: owner.id, owner: owner.id, requestId: requestIds[0] },
      { action: 'rotated', actor: owner.id, owner: owner.id, requestId: requestIds[1] },
      { action: 'deleted', actor: owner.id, owner: owner.id, requestId: requestIds[2] },
      { action: 'reactivated', actor: admin.id, owner: owner.id, requestId: requestIds[3] },
    ]);
  });

  it('by RPC', async () => {
    const { id } = keyOf(await askBy.rpc(calls.mint(owner, { label: 'audited' })));
    const requestId = `request-${randomUUID()}`;
    await owner.supabase.rpc('rotate_proxy_key', { id }).setHeader('X-Request-Id', requestId);
    await askBy.rpc(calls.delete(owner, id));
    await askBy.rpc(calls.reactivate(admin, id));
    expect(await readAudit(sql, id)).toEqual([
      { action: 'minted', actor: owner.id, owner: owner.id, requestId: null },
      { action: 'rotated', actor: owner.id, owner: owner.id, requestId },
      { action: 'deleted', actor: owner.id, owner: owner.id, requestId: null },
      { action: 'reactivated', actor: admin.id, owner: owner.id, requestId: null },
    ]);
  });

  it('in SQL, without an actor if there is no token', async () => {
    await update('suspended_at = now()');
    await update('suspended_at = null');
    await update(`label = 'another'`);
    await update(`allowed_ips = '{203.0.113.0/24}'`);
    await update(`expires_at = now() + interval '1 day'`);
    await update(`limit_overrides = '{"rate_limit": 5}'`);
    await update(`limit_overrides = '{"tunnel_limit": 5}'`);
    await update(`limit_overrides = '{"bandwidth_limit_bytes": 5}'`);
    await update(`tier = 'team'`);
    const rows = await readAudit(sql, key.id);
    expect(rows.map(({ action }) => action)).toEqual([
      'minted',
      'suspended',
      'reactivated',
      'updated',
      'updated',
      'updated',
      'limits_changed',
      'limits_changed',
      'limits_changed',
      'limits_changed',
    ]);
    expect(new Set(rows.map(({ actor, owner: of }) => `${actor} ${of}`))).toEqual(
      new Set([`null ${owner.id}`]),
    );
  });

  it('in SQL, one row for each action of a statement', async () => {
    await asUser(sql, admin.id, async (transaction) => {
      await transaction`reset role`;
      await transaction`
        update proxy_private.proxy_keys set suspended_at = now(), limit_overrides = '{"rate_limit": 5}'
        where id = ${key.id}`;
    });
    const [, ...rows] = await readAudit(sql, key.id);
    expect(rows.map(({ action }) => action).sort()).toEqual(['limits_changed', 'suspended']);
    expect(new Set(rows.map(({ actor }) => actor))).toEqual(new Set([admin.id]));
  });
});

describe('the request id', () => {
  it.each([
    ['spaces', 'a b'],
    ['markup', '<script>'],
    ['65 characters', 'x'.repeat(65)],
  ])('is not recorded if the caller sends one with %s', async (_, sent) => {
    const response = await request('DELETE', `/api/v1/proxy/keys/${key.id}`, {
      token: owner.token,
      headers: { 'X-Request-Id': sent },
    });
    const given = response.headers.get('X-Request-Id');
    expect(given).toMatch(/^[A-Za-z0-9_=-]{1,64}$/);
    await askBy.rpc(calls.reactivate(admin, key.id));
    await owner.supabase.rpc('delete_proxy_key', { id: key.id }).setHeader('X-Request-Id', sent);
    const ids = (await readAudit(sql, key.id)).map(({ requestId }) => requestId);
    expect(ids).toEqual([null, given, null, null]);
  });
});

describe('no row is added for', () => {
  it.each(Object.entries(askBy))('a call that is refused by %s', async (_, ask) => {
    const other = await newUser();
    const count = async () => {
      const [row] = await sql<{ count: number }[]>`
        select count(*)::integer from proxy_private.proxy_key_audit
        where user_id = any(${[owner.id, other.id]})
          or actor_id = any(${[owner.id, other.id, admin.id]})`;
      return row?.count;
    };
    const before = await count();
    expect((await ask(calls.mint(other, { label: '' }))).code).toBe('invalid_request');
    expect((await ask(calls.mint(other, { label: 'x', tier: 'enterprise' }))).code).toBe(
      'tier_not_granted',
    );
    expect((await ask(calls.rotate(other, key.id))).code).toBe('not_found');
    expect((await ask(calls.delete(other, key.id))).code).toBe('not_found');
    expect((await ask(calls.reactivate(owner, key.id))).code).toBe('forbidden');
    expect((await ask(calls.reactivate(admin, randomUUID()))).code).toBe('not_found');
    expect(await count()).toBe(before);

    await ask(calls.delete(owner, key.id));
    expect((await ask(calls.rotate(owner, key.id))).code).toBe('key_deleted');
    expect(await readActions(sql, key.id)).toEqual(['minted', 'deleted']);
  });

  it('a rotation over the limit', async () => {
    await forgetWrites(sql, owner.id);
    await countRotations(sql, owner.id, 5);
    expect((await askBy.rpc(calls.rotate(owner, key.id))).code).toBe('rate_limited');
    expect(await readActions(sql, key.id)).toEqual(['minted']);
  });

  it('a change that changes nothing', async () => {
    await askBy.route(calls.reactivate(admin, key.id));
    await update(`label = label, allowed_ips = '{}', expires_at = null, limit_overrides = '{}'`);
    await update('suspended_at = null, deleted_at = null');
    await askBy.route(calls.delete(owner, key.id));
    await askBy.rpc(calls.delete(owner, key.id));
    await askBy.rpc(calls.reactivate(admin, key.id));
    await askBy.rpc(calls.reactivate(admin, key.id));
    expect(await readActions(sql, key.id)).toEqual(['minted', 'deleted', 'reactivated']);
  });
});

it('an owner reads the history of their keys, and no other user reads any of it', async () => {
  await askBy.rpc(calls.delete(owner, key.id));
  const history = await readOwnAudit(owner, key.id);
  expect(history.map((row) => [row.action, row.api_key_id, row.actor_id])).toEqual([
    ['minted', key.id, null],
    ['deleted', key.id, owner.id],
  ]);
  for (const stranger of [await newUser(), admin]) {
    const { data, error } = await stranger.supabase.rpc('list_proxy_key_audit', { id: key.id });
    expect([data, error?.hint]).toEqual([null, 'not_found']);
    expect(await readOwnAudit(stranger)).toEqual([]);
  }
});
