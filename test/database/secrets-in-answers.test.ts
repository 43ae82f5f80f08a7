import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { listRelations, listRoutines } from '../support/catalog.ts';
import { protectedRoutes } from '../support/contract.ts';
import { connectOwner, newAdmin, newUser, type Persona, request } from '../support/personas.ts';
import { hashSecret } from '../support/seeded-keys.ts';
import { makeWebhook, removeIdleWebhooks, testWebhook } from '../support/webhook-scenes.ts';
import { searchDatabase, searchFiles } from './search-everywhere.ts';

const stack = inject('stack');
const sql = connectOwner();
let owner: Persona;
let admin: Persona;
let id: string;
/** The key's secrets, oldest first: the last two are valid. */
const given: { secret: string; hash: string }[] = [];
const idempotencyKeys = Array.from({ length: 4 }, () => `retry-${randomUUID()}`);

/** A route that returns a secret, under an idempotency key. */
async function take(path: string, body: unknown, idempotencyKey: string): Promise<void> {
  const response = await request('POST', path, {
    token: owner.token,
    body,
    headers: { 'Idempotency-Key': idempotencyKey },
  });
  const { key } = (await response.json()) as { key: { id: string; keyId: string; secret: string } };
  id = key.id;
  given.push({ secret: key.secret, hash: hashSecret(key.keyId, key.secret) });
}

beforeAll(async () => {
  [owner, admin] = await Promise.all([newUser(), newAdmin()]);
  const [mint = '', first = '', second = '', third = ''] = idempotencyKeys;
  await take('/api/v1/proxy/keys', { label: 'kept' }, mint);
  for (const key of [first, second, third]) {
    await take(`/api/v1/proxy/keys/${id}/rotate`, { graceSeconds: 30 }, key);
  }
  // retries, which are refused and may be logged
  for (const key of idempotencyKeys) {
    for (const body of [{ graceSeconds: 30 }, {}]) {
      const response = await request('POST', `/api/v1/proxy/keys/${id}/rotate`, {
        token: owner.token,
        body,
        headers: { 'Idempotency-Key': key },
      });
      expect([409, 422]).toContain(response.status);
      const { error } = await owner.supabase.rpc('rotate_proxy_key', { id, idempotency_key: key });
      expect(['already_done', 'idempotency_mismatch']).toContain(error?.hint);
    }
  }
});
afterAll(() => sql.end());

/** What no answer may contain. */
const unspeakable = () => [
  ...given.flatMap(({ secret, hash }) => [
    secret,
    hash,
    Buffer.from(hash, 'hex').toString('base64'),
  ]),
  ...idempotencyKeys,
];

function expectNothingOf(answer: string, name: string): void {
  expect(
    unspeakable().filter((text) => answer.includes(text)),
    name,
  ).toEqual([]);
}

describe('no secret, hash or idempotency key is in the answer', () => {
  it('of any route except mint and rotate', async () => {
    const others = protectedRoutes.filter(
      ({ method, path, success }) =>
        !path.endsWith('/rotate') && success !== 201 && method !== 'DELETE',
    );
    // the deletion last, as nothing works after it
    const last = { method: 'DELETE', path: '/api/v1/proxy/keys/:id', query: '', body: undefined };
    for (const { method, path, query, body } of [...others, last]) {
      const by = path.startsWith('/admin/') ? admin : owner;
      const { token } = by;
      const webhook = path.includes(':webhook') ? await makeWebhook(by, by === admin) : '';
      const delivery = path.includes(':delivery')
        ? await testWebhook(by, webhook, by === admin)
        : '';
      const named = path
        .replace(':id', id)
        .replace(':webhook', webhook)
        .replace(':delivery', delivery);
      const response = await request(
        method,
        `${named}${query ? `?${query.replace(':user', owner.id)}` : ''}`,
        {
          token,
          body: body && {
            ...body,
            ...('user' in body ? { user: owner.id } : {}),
            ...('ids' in body ? { ids: [id] } : {}),
          },
        },
      );
      expect(response.ok, path).toBe(true);
      if (webhook) await removeIdleWebhooks(sql);
      const headers = JSON.stringify([...response.headers]);
      expectNothingOf(`${headers}${await response.text()}`, `${method} ${path}`);
    }
    const back = await admin.request('POST', `/admin/proxy/keys/${id}/reactivate`);
    expect(back.status).toBe(200);
  });

  it('of a retry', async () => {
    for (const key of idempotencyKeys) {
      const response = await request('POST', `/api/v1/proxy/keys/${id}/rotate`, {
        token: owner.token,
        body: { graceSeconds: 30 },
        headers: { 'Idempotency-Key': key },
      });
      expectNothingOf(await response.text(), key);
    }
  });

  it('of any function except those that return a secret', async () => {
    const args: Record<string, unknown> = {
      id,
      key_id: id,
      user: owner.id,
      tier: 'enterprise',
      reason: 'Because.',
      ids: [id],
      changes: { expires_at: null },
      interval: 'hour',
      label: '',
    };
    const needed = ['id', 'ids', 'user', 'reason', 'changes', 'interval', 'key_id'];
    for (const { name, argumentNames } of await listRoutines(sql, ['public'])) {
      if (/^(mint|rotate|delete)_/.test(name)) continue;
      const names = argumentNames.filter(
        (a) => needed.includes(a) || (a === 'tier' && argumentNames.includes('reason')),
      );
      for (const persona of [owner, admin]) {
        const answer = await persona.supabase.rpc(
          name as 'get_proxy_key',
          Object.fromEntries(names.map((a) => [a, args[a]])) as never,
        );
        expectNothingOf(JSON.stringify(answer), name);
      }
    }
  });

  it('of any table or view', async () => {
    for (const { name } of await listRelations(sql, ['public'])) {
      const { data, error } = await owner.supabase.from(name as 'proxy_tiers').select();
      expect(error, name).toBeNull();
      expectNothingOf(JSON.stringify(data), name);
    }
  });
});

describe('at rest', () => {
  it('an idempotency key is in no table and no log', async () => {
    const secrets = given.map(({ secret }) => secret);
    const { findings } = await searchDatabase(sql, [...idempotencyKeys, ...secrets]);
    expect(findings).toEqual([]);
    expect(searchFiles(stack.logs, [...idempotencyKeys, ...secrets]).findings).toEqual([]);
  });

  it('after a rotation with a grace period, only the last two hashes are stored, in one place', async () => {
    const hashes = given.map(({ hash }) => hash);
    const { findings } = await searchDatabase(sql, hashes);
    expect(new Set(findings.map(({ text }) => text))).toEqual(new Set(hashes.slice(-2)));
    expect(new Set(findings.map(({ where }) => where))).toEqual(
      new Set(['proxy_private.proxy_key_secrets']),
    );
  });

  it('after a rotation without one, only the last hash is stored', async () => {
    await admin.request('POST', `/admin/proxy/keys/${id}/reactivate`);
    const { data } = await owner.supabase.rpc('rotate_proxy_key', { id });
    const last = hashSecret(data?.key_id ?? '', data?.secret ?? '');
    const { findings } = await searchDatabase(sql, [...given.map(({ hash }) => hash), last]);
    expect(findings).toEqual([{ text: last, where: 'proxy_private.proxy_key_secrets' }]);
  });
});
