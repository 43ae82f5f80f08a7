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

/** What the function makes of a token, with the keys that the project publishes or those at `jwks`. */
function authenticate(token: string, jwks?: URL): Promise<string> {
  const { data: env, error } = resolveEnv({
    url,
    publishableKeys: { default: publishableKey },
    ...(jwks ? { jwks } : {}),
  });
  if (error) throw error;
  const headers = { Authorization: `Bearer ${token}` };
  return createAuthenticate(env)(new Request(`${url}/api/v1/proxy/keys`, { headers }));
}

describe('a function that checks a token', () => {
  it('takes one of a user', async () => {
    expect(await authenticate(owner.token)).toBe(owner.token);
  });

  it.each(badTokens)('refuses one %s before the database is asked', async (_, forge) => {
    const checked = authenticate(await forge(owner.token));
    await expect(checked).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('says that it is unavailable while the keys cannot be had', async () => {
    const nowhere = new URL(`${url}/no-keys-here`);
    await expect(authenticate(owner.token, nowhere)).rejects.toMatchObject({
      code: 'unavailable',
      options: { headers: { 'Retry-After': expect.stringMatching(/^[1-9]\d*$/) } },
    });
  });
});
