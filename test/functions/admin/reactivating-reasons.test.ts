import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readReasons } from '../../support/audit-rows.ts';
import { askBy } from '../../support/both-ways.ts';
import { calls, type Fields } from '../../support/calls.ts';
import { expectAnswer, expectProblem, keyAnswer, type MintedKey } from '../../support/contract.ts';
import { mintKey } from '../../support/key-scenes.ts';
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
const suspension = { reason: 'Abuse' };
let owner: Persona;
let admin: Persona;
let key: MintedKey;

beforeAll(async () => {
  [owner, admin] = await Promise.all([newUser(), newAdmin()]);
});
beforeEach(async () => {
  key = await mintKey(owner);
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const readKey = async () =>
  (await expectAnswer(await owner.request('GET', `/api/v1/proxy/keys/${key.id}`), 200, keyAnswer))
    .key;

describe.each(Object.entries(askBy))('an admin, by %s,', (_, ask) => {
  it.each<[string, Fields | undefined, string | null]>([
    ['without a body', undefined, null],
    ['with an empty body', {}, null],
    ['with a reason', { reason: ' Talked to them. ' }, 'Talked to them.'],
  ])('reactivates a suspended key %s', async (_, fields, reason) => {
    await ask(calls.suspend(admin, key.id, suspension));
    expect(await ask(calls.reactivate(admin, key.id, fields))).toMatchObject({
      status: 200,
      data: { id: key.id, active: true },
    });
    expect(await readKey()).toMatchObject({
      active: true,
      suspendedAt: null,
      suspendedReason: null,
    });
    expect(await readReasons(sql, key.id)).toEqual([
      ['minted', null],
      ['suspended', suspension.reason],
      ['reactivated', reason],
    ]);
  });

  it('lets the owner read the reason', async () => {
    await ask(calls.suspend(admin, key.id, suspension));
    await ask(calls.reactivate(admin, key.id, { reason: 'Talked to them.' }));
    const rows = await readOwnAudit(owner, key.id);
    expect(rows.map(({ action }) => action)).toEqual(['minted', 'suspended', 'reactivated']);
    expect(rows[2]).toMatchObject({ actor_id: admin.id, reason: 'Talked to them.' });
  });

  it('clears the suspension reason of a key that was suspended and then deleted', async () => {
    await ask(calls.suspend(admin, key.id, suspension));
    await owner.request('DELETE', `/api/v1/proxy/keys/${key.id}`);
    expect((await ask(calls.reactivate(admin, key.id, { reason: 'Both.' }))).status).toBe(200);
    expect(await readKey()).toMatchObject({
      active: true,
      suspendedReason: null,
      deletedAt: null,
    });
    expect((await readReasons(sql, key.id)).at(-1)).toEqual(['reactivated', 'Both.']);
  });

  it('keeps the expiry: an expired key stays inactive', async () => {
    const path = `/api/v1/proxy/keys/${key.id}`;
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    expect((await owner.request('PATCH', path, { expiresAt })).status).toBe(200);
    await ask(calls.suspend(admin, key.id, suspension));
    await ask(calls.reactivate(admin, key.id));
    expect(await readKey()).toMatchObject({ active: true, expiresAt });

    await ask(calls.suspend(admin, key.id, suspension));
    await sql`
      update proxy_private.proxy_keys set expires_at = now() - interval '1 s' where id = ${key.id}`;
    expect(await ask(calls.reactivate(admin, key.id))).toMatchObject({
      status: 200,
      data: { active: false },
    });
    expect(await readKey()).toMatchObject({ active: false, suspendedAt: null });
    const [row] = await gateway`
      select active, suspended from gateway.lookup_proxy_key(${key.keyId})`;
    expect(row).toEqual({ active: false, suspended: false });
    await expectProblem(await owner.request('POST', `${path}/rotate`), 409, 'key_expired');
  });

  it('keeps limits, clients and label', async () => {
    const limits = { bandwidthLimitBytes: 5, rateLimit: 6, tunnelLimit: 7 };
    expect(await ask(calls.limit(admin, key.id, { ...limits, reason: 'Small.' }))).toMatchObject({
      status: 200,
    });
    const path = `/api/v1/proxy/keys/${key.id}`;
    await owner.request('PATCH', path, { label: 'mine', allowedIps: ['192.0.2.0/24'] });
    const before = await readKey();
    await ask(calls.suspend(admin, key.id, suspension));
    await ask(calls.reactivate(admin, key.id));
    expect(await readKey()).toEqual(before);
  });

  it('does not restore the grace period of a deleted key', async () => {
    const path = `/api/v1/proxy/keys/${key.id}`;
    await owner.request('POST', `${path}/rotate`, { graceSeconds: 30 });
    await owner.request('DELETE', path);
    await ask(calls.reactivate(admin, key.id));
    const [row] = await gateway`
      select active, previous_hash, previous_ends_in_ms
      from gateway.lookup_proxy_key(${key.keyId})`;
    expect(row).toEqual({ active: true, previous_hash: null, previous_ends_in_ms: null });
    expect(await readKey()).toMatchObject({ graceEndsAt: null });
  });

  it('leaves an active key unchanged, and adds no row for the reason', async () => {
    const before = await readKey();
    expect((await ask(calls.reactivate(admin, key.id, { reason: 'For nothing.' }))).status).toBe(
      200,
    );
    expect(await readKey()).toEqual(before);
    expect(await readReasons(sql, key.id)).toEqual([['minted', null]]);
  });

  it.each<[string, Fields]>([
    ['empty', { reason: '' }],
    ['only spaces', { reason: ' \u2003 ' }],
    ['501 characters long', { reason: 'x'.repeat(501) }],
    ['text with a line break', { reason: 'one\ntwo' }],
  ])('is refused a reason that is %s', async (_, fields) => {
    await ask(calls.suspend(admin, key.id, suspension));
    expect(await ask(calls.reactivate(admin, key.id, fields))).toMatchObject({
      status: 400,
      code: 'invalid_request',
      field: 'reason',
    });
    expect(await readKey()).toMatchObject({ active: false, suspendedReason: 'Abuse' });
  });
});

describe('a null reason', () => {
  it('is refused over HTTP, and equals no reason in SQL', async () => {
    expect(await askBy.route(calls.reactivate(admin, key.id, { reason: null }))).toMatchObject({
      status: 400,
      field: 'reason',
    });
    expect((await askBy.rpc(calls.reactivate(admin, key.id, { reason: null }))).status).toBe(200);
  });
});
