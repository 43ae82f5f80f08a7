import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { createAuthenticate } from '../../supabase/functions/_shared/authentication.ts';
import { newUser, type Persona } from '../personas.ts';
import { badTokens } from './bad-tokens.ts';

// PostgREST would refuse most of these tokens as well: here the function is on its own.

const { url, publishableKey } = inject('stack');
let owner: Persona;

beforeAll(async () => {
  owner = await newUser();
  vi.stubEnv('SUPABASE_URL', url);
  vi.stubEnv('SUPABASE_PUBLISHABLE_KEYS', JSON.stringify({ default: publishableKey }));
});

afterAll(() => vi.unstubAllEnvs());

/** What the function makes of a token, with the keys that the project publishes. */
function authenticate(token: string): Promise<string> {
  const headers = { Authorization: `Bearer ${token}` };
  return createAuthenticate()(new Request(`${url}/api/v1/proxy/keys`, { headers }));
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
    vi.stubEnv('SUPABASE_JWKS_URL', `${url}/no-keys-here`);
    await expect(authenticate(owner.token)).rejects.toMatchObject({
      code: 'unavailable',
      options: { headers: { 'Retry-After': expect.stringMatching(/^[1-9]\d*$/) } },
    });
    vi.stubEnv('SUPABASE_JWKS_URL', '');
  });
});
