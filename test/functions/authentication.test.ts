import { resolveEnv } from '@supabase/server/core';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { createAuthenticate } from '../../supabase/functions/_shared/authentication.ts';
import { newUser, type Persona } from '../support/personas.ts';
import { badTokens } from './bad-tokens.ts';

// PostgREST would refuse most of these tokens as well: here the function is on its own.

const { url, publishableKey } = inject('stack');
let owner: Persona;

beforeAll(async () => {
  owner = await newUser();
});

/** What a function makes of tokens, with the keys that the project publishes or those at `jwks`. */
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
  it('takes one of a user, also once more', async () => {
    const authenticate = newFunction();
    expect(await authenticate(owner.token)).toBe(owner.token);
    expect(await authenticate(owner.token)).toBe(owner.token);
  });

  it.each(badTokens)(
    'refuses one %s before the database is asked, again and again, whatever it took before',
    async (_, forge) => {
      const authenticate = newFunction();
      await authenticate(owner.token);
      const token = await forge(owner.token);
      for (let time = 0; time < 2; time += 1) {
        await expect(authenticate(token)).rejects.toMatchObject({ code: 'unauthorized' });
      }
    },
  );

  it('says that it is unavailable while the keys cannot be had', async () => {
    const nowhere = new URL(`${url}/no-keys-here`);
    await expect(newFunction(nowhere)(owner.token)).rejects.toMatchObject({
      code: 'unavailable',
      options: { headers: { 'Retry-After': expect.stringMatching(/^[1-9]\d*$/) } },
    });
  });
});
