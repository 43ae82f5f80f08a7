import { resolveEnv } from '@supabase/server/core';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { createAuthenticate } from '../../supabase/functions/_shared/authentication.ts';
import { newUser, type Persona } from '../support/personas.ts';
import { badTokens } from './bad-tokens.ts';

// PostgREST would refuse most of these tokens too; this tests the function alone.

const { url, publishableKey } = inject('stack');
let owner: Persona;

beforeAll(async () => {
  owner = await newUser();
});

/** A function's token check with the keys that the project publishes, or those at `jwks`. */
function newFunction(jwks?: URL): (token: string) => Promise<string> {
  const { data: env, error } = resolveEnv({
    url,
    publishableKeys: { default: publishableKey },
    ...(jwks ? { jwks } : {}),
  });
  if (error) throw error;
  const authenticate = createAuthenticate(env);
  return (token) => {
    const headers = { Authorization: `Bearer ${token}` };
    return authenticate(new Request(`${url}/api/v1/proxy/keys`, { headers }));
  };
}

describe('a function that checks a token', () => {
  it("accepts a user's token repeatedly", async () => {
    const authenticate = newFunction();
    expect(await authenticate(owner.token)).toBe(owner.token);
    expect(await authenticate(owner.token)).toBe(owner.token);
  });

  it.each(badTokens)(
    'refuses a token %s before it calls the database, repeatedly, also after a good token',
    async (_, forge) => {
      const authenticate = newFunction();
      await authenticate(owner.token);
      const token = await forge(owner.token);
      for (let time = 0; time < 2; time += 1) {
        await expect(authenticate(token)).rejects.toMatchObject({ code: 'unauthorized' });
      }
    },
  );

  it('reports that it is unavailable while it cannot get the keys', async () => {
    const nowhere = new URL(`${url}/no-keys-here`);
    await expect(newFunction(nowhere)(owner.token)).rejects.toMatchObject({
      code: 'unavailable',
      options: { headers: { 'Retry-After': expect.stringMatching(/^[1-9]\d*$/) } },
    });
  });
});
