import { afterAll, describe, expect, it } from 'vitest';
import { expectProblem, type MintedKey } from '../../support/contract.ts';
import { listKeys, mintKey } from '../../support/key-scenes.ts';
import { connectGateway, connectOwner, newUser, type Persona } from '../../support/personas.ts';

const sql = connectOwner();
const gateway = connectGateway();

afterAll(() => Promise.all([sql.end(), gateway.end()]));

async function deleteKey(user: Persona, id: string): Promise<Response> {
  const { response } = await user.api.DELETE('/api/v1/proxy/keys/{id}', {
    params: { path: { id } },
  });
  return response;
}

async function auditedActions(key: MintedKey): Promise<string[]> {
  const rows = await sql<{ action: string }[]>`
    select action from proxy_private.proxy_key_audit where api_key_id = ${key.id} order by id`;
  return rows.map((row) => row.action);
}

describe('an owner who deletes a key', () => {
  it.each(['id', 'keyId'] as const)('names it by its %s and gets 204', async (name) => {
    const owner = await newUser();
    const key = await mintKey(owner);
    const response = await deleteKey(owner, key[name]);
    expect(response.status).toBe(204);
    expect(response.headers.has('Content-Type')).toBe(false);
    expect(await response.text()).toBe('');
    expect(await listKeys(owner)).toMatchObject([{ id: key.id, active: false }]);
  });

  it('gets the same answer again, without another effect', async () => {
    const owner = await newUser();
    const key = await mintKey(owner);
    await deleteKey(owner, key.id);
    const [first] = await sql`select deleted_at from proxy_private.proxy_keys where id = ${key.id}`;
    expect((await deleteKey(owner, key.id)).status).toBe(204);
    const [second] =
      await sql`select deleted_at from proxy_private.proxy_keys where id = ${key.id}`;
    expect(first).toEqual({ deleted_at: expect.any(Date) });
    expect(second).toEqual(first);
    expect(await auditedActions(key)).toEqual(['minted', 'deleted']);
  });

  it('can delete a suspended key', async () => {
    const owner = await newUser();
    const key = await mintKey(owner);
    await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${key.id}`;
    expect((await deleteKey(owner, key.id)).status).toBe(204);
    expect(await auditedActions(key)).toEqual(['minted', 'suspended', 'deleted']);
  });

  it('deactivates it for gateways at once, and no other key', async () => {
    const owner = await newUser();
    const [key, kept] = [await mintKey(owner), await mintKey(owner)];
    await deleteKey(owner, key.id);
    const active = async (keyId: string) => {
      const rows = await gateway`select active from gateway.lookup_proxy_key(${keyId})`;
      return [...rows];
    };
    expect(await active(key.keyId)).toEqual([{ active: false }]);
    expect(await active(kept.keyId)).toEqual([{ active: true }]);
  });

  it('can send an empty object, but no fields', async () => {
    const owner = await newUser();
    const key = await mintKey(owner);
    const send = (body: unknown) => owner.request('DELETE', `/api/v1/proxy/keys/${key.id}`, body);
    const problem = await expectProblem(await send({ force: true }), 400, 'invalid_request');
    expect(problem.errors).toMatchObject([{ path: 'force' }]);
    expect(await listKeys(owner)).toMatchObject([{ active: true }]);
    expect((await send({})).status).toBe(204);
  });
});
