import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { askBy } from '../../support/both-ways.ts';
import { calls, type Fields } from '../../support/calls.ts';
import { expectAnswer, expectProblem, keyAnswer, type MintedKey } from '../../support/contract.ts';
import { getKey, mintKey } from '../../support/key-scenes.ts';
import { connectOwner, newUser, type Persona, request } from '../../support/personas.ts';

const sql = connectOwner();
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();
let owner: Persona;
let key: MintedKey;

beforeEach(async () => {
  owner = await newUser();
  key = await mintKey(owner, { label: 'before' });
});
afterAll(() => sql.end());

/** The audited changes of each update of the key, oldest first. */
async function auditedChanges(): Promise<unknown[]> {
  const rows = await sql<{ changes: unknown }[]>`
    select changes from proxy_private.proxy_key_audit
    where api_key_id = ${key.id} and action = 'updated' and actor_id = ${owner.id}
    order by occurred_at`;
  return rows.map(({ changes }) => changes);
}

describe.each(Object.entries(askBy))('an owner who changes a key by %s', (_, ask) => {
  const update = async (changes: Fields) => {
    const { code, data } = await ask(calls.update(owner, key.id, changes));
    expect(code).toBeNull();
    expect(data).toMatchObject(await getKey(owner, key.id));
    return data;
  };

  it('gets the current key, and keeps fields that they did not name', async () => {
    const expiresAt = inAnHour();
    const before = await getKey(owner, key.id);
    expect(await update({ label: 'after' })).toMatchObject({ ...before, label: 'after' });
    expect(await update({ allowedIps: ['203.0.113.7'] })).toMatchObject({
      ...before,
      label: 'after',
      allowedIps: ['203.0.113.7/32'],
    });
    expect(await update({ expiresAt })).toMatchObject({
      ...before,
      label: 'after',
      allowedIps: ['203.0.113.7/32'],
      expiresAt,
    });
    expect(await update({ expiresAt: null, allowedIps: [] })).toMatchObject({
      ...before,
      label: 'after',
    });
    expect(await auditedChanges()).toEqual([
      { label: 'after' },
      { allowed_ips: ['203.0.113.7/32'] },
      { expires_at: expect.any(String) },
      { allowed_ips: [], expires_at: null },
    ]);
  });

  it('can change all fields at once, which the audit log records exactly', async () => {
    const expiresAt = inAnHour();
    await update({ label: 'all', allowedIps: ['2001:db8::1'], expiresAt });
    const [changes, ...more] = await auditedChanges();
    expect(more).toEqual([]);
    const { expires_at, ...rest } = changes as { expires_at: string };
    expect(rest).toEqual({ label: 'all', allowed_ips: ['2001:db8::1/128'] });
    expect(new Date(expires_at).toISOString()).toBe(expiresAt);
  });

  it('changes nothing by sending current values, and adds no audit row', async () => {
    const fields = { label: 'before', allowedIps: [], expiresAt: null };
    for (const changes of [{}, fields, { label: '  before\n' }]) {
      expect(await update(changes)).toMatchObject(fields);
    }
    expect(await auditedChanges()).toEqual([]);
    await update({ label: 'other', expiresAt: null });
    expect(await auditedChanges()).toEqual([{ label: 'other' }]);
  });

  it('can name it by its keyId', async () => {
    const { data } = await ask(calls.update(owner, key.keyId, { label: 'by keyId' }));
    expect(data).toMatchObject({ id: key.id, label: 'by keyId' });
  });

  it.each([
    ['one character', 'x', 'x'],
    ['80 characters outside the basic plane', '🔑'.repeat(80), '🔑'.repeat(80)],
    ['Unicode spaces at its ends', '\u00a0\u2003wide\ufeff\u2028', 'wide'],
    ['spaces beyond the 80th character', ` ${'x'.repeat(80)} `, 'x'.repeat(80)],
  ])('can use a label of %s, as when minting', async (_, label, kept) => {
    expect(await update({ label })).toMatchObject({ label: kept });
  });

  it('keeps the secret, and can still rotate it', async () => {
    const hash = async () => {
      const [row] = await sql`
        select secret_hash from proxy_private.proxy_key_secrets where api_key_id = ${key.id}`;
      return row;
    };
    const before = await hash();
    await update({ label: 'after', expiresAt: inAnHour() });
    expect(await hash()).toEqual(before);
    const { data } = await ask(calls.rotate(owner, key.id));
    expect(data).toMatchObject({ label: 'after', secret: expect.any(String) });
  });

  it('can change a suspended key, which stays suspended', async () => {
    await sql`
      update proxy_private.proxy_keys set suspended_at = now(), suspended_reason = 'because'
      where id = ${key.id}`;
    expect(await update({ label: 'after', expiresAt: inAnHour() })).toMatchObject({
      label: 'after',
      active: false,
      suspendedAt: expect.any(String),
      suspendedReason: 'because',
    });
  });

  it('is refused a change of a deleted key, which stays as it was', async () => {
    await ask(calls.delete(owner, key.id));
    const before = await getKey(owner, key.id);
    for (const changes of [{ label: 'after' }, {}, { expiresAt: inAnHour() }]) {
      expect(await ask(calls.update(owner, key.id, changes))).toMatchObject({
        status: 409,
        code: 'key_deleted',
      });
    }
    expect(await getKey(owner, key.id)).toEqual(before);
    expect(await auditedChanges()).toEqual([]);
  });

  it('changes nothing if one of several fields is refused', async () => {
    const changes = { label: 'after', expiresAt: inAnHour(), allowedIps: ['10.0.0.1/8'] };
    expect(await ask(calls.update(owner, key.id, changes))).toMatchObject({
      status: 400,
      code: 'invalid_request',
    });
    expect(await getKey(owner, key.id)).toMatchObject({ label: 'before', expiresAt: null });
    expect(await auditedChanges()).toEqual([]);
  });

  it("cannot change another user's key", async () => {
    const other = await newUser();
    expect(await ask(calls.update(other, key.id, { label: 'theirs' }))).toMatchObject({
      status: 404,
      code: 'not_found',
    });
    expect(await getKey(owner, key.id)).toMatchObject({ label: 'before' });
  });
});

describe('the route', () => {
  it('records the request id of an update in the audit log', async () => {
    const response = await request('PATCH', `/api/v1/proxy/keys/${key.id}`, {
      token: owner.token,
      body: { label: 'after' },
      headers: { 'X-Request-Id': 'request-of-an-update' },
    });
    await expectAnswer(response, 200, keyAnswer);
    const rows = await sql`
      select user_id, actor_id, changes, request_id from proxy_private.proxy_key_audit
      where api_key_id = ${key.id} and action = 'updated'`;
    expect([...rows]).toEqual([
      {
        user_id: owner.id,
        actor_id: owner.id,
        changes: { label: 'after' },
        request_id: 'request-of-an-update',
      },
    ]);
  });

  it('requires a body', async () => {
    const path = `/api/v1/proxy/keys/${key.id}`;
    await expectProblem(await owner.request('PATCH', path), 415, 'unsupported_media_type');
    const empty = await fetch(new URL(path, (await owner.request('GET', path)).url), {
      method: 'PATCH',
      headers: { Authorization: `Bearer ${owner.token}`, 'Content-Type': 'application/json' },
      body: '',
    });
    await expectProblem(empty, 400, 'invalid_request');
  });
});
