import { expect, inject, it, vi } from 'vitest';
import { callerWith } from '../support/calls.ts';
import { newUser, signToken } from '../support/personas.ts';

const { url } = inject('stack');
const seconds = () => Math.floor(Date.now() / 1_000);

/** What the REST API answers this token, where no function of ours looks at it. */
function readTiers(token: string) {
  return callerWith(token).supabase.from('proxy_tiers').select('tier');
}

it('a token that PostgREST has checked before is refused once it has expired', async () => {
  const { id } = await newUser();
  // PostgREST takes a token for 30 s after its end
  const token = await signToken({
    sub: id,
    role: 'authenticated',
    aud: 'authenticated',
    iss: `${url}/auth/v1`,
    exp: seconds() - 26,
  });
  expect((await readTiers(token)).status).toBe(200);
  expect((await readTiers(token)).status).toBe(200);
  await vi.waitFor(async () => expect((await readTiers(token)).status).toBe(401));
});
