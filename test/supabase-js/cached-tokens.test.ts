import { expect, inject, it, vi } from 'vitest';
import { callerWith, calls } from '../support/calls.ts';
import { expectProblem } from '../support/contract.ts';
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

it('a token that a function has checked before is refused once it has expired', async () => {
  const { id } = await newUser();
  const token = await signToken({
    sub: id,
    role: 'authenticated',
    aud: 'authenticated',
    iss: `${url}/auth/v1`,
    exp: seconds() + 4,
  });
  const list = calls.list(callerWith(token));
  expect((await list.route()).status).toBe(200);
  expect((await list.route()).status).toBe(200);
  await vi.waitFor(async () => expectProblem(await list.route(), 401, 'unauthorized'));
});
