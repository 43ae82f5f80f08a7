import { afterAll, describe, expect, it } from 'vitest';
import {
  expectAnswer,
  expectProblem,
  type MintedKey,
  mintedAnswer,
} from '../../support/contract.ts';
import { mintKey } from '../../support/key-scenes.ts';
import { connectOwner, newUser, type Persona } from '../../support/personas.ts';
import { overrideLimits } from '../../support/seeded-keys.ts';

const sql = connectOwner();

afterAll(() => sql.end());

function rotate(user: Persona, id: string, body?: unknown): Promise<Response> {
  return user.request('POST', `/api/v1/proxy/keys/${id}/rotate`, body);
}

async function rotated(user: Persona, id: string, body?: object): Promise<MintedKey> {
  const { response } = await user.api.POST('/api/v1/proxy/keys/{id}/rotate', {
    params: { path: { id } },
    ...(body ? { body } : {}),
    parseAs: 'stream',
  });
  return (await expectAnswer(response, 200, mintedAnswer)).key;
}

describe('an owner who rotates a key', () => {
  it.each(['id', 'keyId'] as const)('names it by its %s and gets a new secret', async (name) => {
    const owner = await newUser();
    const minted = await mintKey(owner, { label: 'kept', tier: 'team', liveMode: false });
    const key = await rotated(owner, minted[name]);
    expect(key).toEqual({
      ...minted,
      secret: key.secret,
      basicAuth: key.basicAuth,
      rotatedAt: expect.any(String),
    });
    expect(key.secret).not.toBe(minted.secret);
    expect(Date.parse(key.rotatedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(key.createdAt));
  });

  it('sees the limits that an admin has set on the key', async () => {
    const owner = await newUser();
    const { id } = await mintKey(owner);
    await overrideLimits(sql, id, { bandwidth_limit_bytes: 123, rate_limit: 7 });
    expect(await rotated(owner, id)).toMatchObject({ bandwidthLimitBytes: 123, rateLimit: 7 });
  });

  it('can send an empty object, but no unknown field', async () => {
    const owner = await newUser();
    const { id, secret } = await mintKey(owner);
    const problem = await expectProblem(
      await rotate(owner, id, { label: 'new', grace: 5 }),
      400,
      'invalid_request',
    );
    expect(problem.errors?.map((error) => error.path).sort()).toEqual(['grace', 'label']);
    expect((await rotated(owner, id, {})).secret).not.toBe(secret);
  });
});
