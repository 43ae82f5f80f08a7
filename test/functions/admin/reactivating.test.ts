import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  expectAnswer,
  expectProblem,
  type KeySummary,
  reactivatedAnswer,
} from '../../support/contract.ts';
import { listKeys, mintKey } from '../../support/key-scenes.ts';
import {
  connectGateway,
  connectOwner,
  newAdmin,
  newUser,
  type Persona,
  request,
} from '../../support/personas.ts';

const sql = connectOwner();
const gateway = connectGateway();
let admin: Persona;

beforeAll(async () => {
  admin = await newAdmin();
});

afterAll(() => Promise.all([sql.end(), gateway.end()]));

function reactivate(by: { token: string }, id: string, body?: unknown): Promise<Response> {
  return request('POST', `/admin/proxy/keys/${id}/reactivate`, { token: by.token, body });
}

async function reactivated(id: string, body?: unknown): Promise<KeySummary> {
  const response = await reactivate(admin, id, body);
  return (await expectAnswer(response, 200, reactivatedAnswer)).key;
}

function suspend(id: string) {
  return sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${id}`;
}

/** Whether a gateway would accept these credentials. */
async function passes(basicAuth: string): Promise<boolean> {
  const [keyId = ''] = basicAuth.split(':');
  const [key] = await gateway<{ active: boolean; secret_hash: Buffer }[]>`
    select active, secret_hash from gateway.lookup_proxy_key(${keyId})`;
  const hash = createHash('sha256').update(basicAuth).digest();
  return key?.active === true && hash.equals(key.secret_hash);
}

describe('an admin', () => {
  it.each(['id', 'keyId'] as const)('reactivates a deleted key by its %s', async (name) => {
    const owner = await newUser();
    const key = await mintKey(owner, { label: 'back', tier: 'team' });
    await owner.request('DELETE', `/api/v1/proxy/keys/${key.id}`);
    expect(await passes(key.basicAuth)).toBe(false);
    const summary = await reactivated(key[name]);
    expect(summary).toMatchObject({ id: key.id, label: 'back', tier: 'team', active: true });
    expect(await listKeys(owner)).toEqual([summary]);
    expect(await passes(key.basicAuth)).toBe(true);
  });

  it('reactivates a suspended key, and a key that is both suspended and deleted', async () => {
    const owner = await newUser();
    for (const states of [['suspended'], ['suspended', 'deleted']]) {
      const { id, basicAuth } = await mintKey(owner);
      await suspend(id);
      if (states.includes('deleted')) await owner.request('DELETE', `/api/v1/proxy/keys/${id}`);
      expect(await passes(basicAuth)).toBe(false);
      expect(await reactivated(id)).toMatchObject({ id, active: true });
      expect(await passes(basicAuth)).toBe(true);
    }
  });

  it('reactivates a key with the secret of its last rotation', async () => {
    const owner = await newUser();
    const minted = await mintKey(owner);
    const response = await owner.request('POST', `/api/v1/proxy/keys/${minted.id}/rotate`);
    const { key } = (await response.json()) as { key: { basicAuth: string } };
    await owner.request('DELETE', `/api/v1/proxy/keys/${minted.id}`);
    await reactivated(minted.id);
    expect(await passes(minted.basicAuth)).toBe(false);
    expect(await passes(key.basicAuth)).toBe(true);
  });

  it('leaves an active key unchanged', async () => {
    const owner = await newUser();
    const { id } = await mintKey(owner);
    const [before] = await listKeys(owner);
    expect(await reactivated(id)).toEqual(before);
    const actions = await sql`
      select action from proxy_private.proxy_key_audit where api_key_id = ${id}`;
    expect([...actions]).toEqual([{ action: 'minted' }]);
  });

  it('can send an empty object, but no fields', async () => {
    const { id } = await mintKey(await newUser());
    const response = await reactivate(admin, id, { tier: 'enterprise' });
    const { errors } = await expectProblem(response, 400, 'invalid_request');
    expect(errors).toMatchObject([{ path: 'tier' }]);
    expect(await reactivated(id, {})).toMatchObject({ active: true });
  });
});
