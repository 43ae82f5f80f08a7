import { expect, inject, it, vi } from 'vitest';
import { callerWith, calls } from '../support/calls.ts';
import { expectProblem } from '../support/contract.ts';
import { newUser, signToken } from '../support/personas.ts';

const { url } = inject('stack');
const seconds = () => Math.floor(Date.now() / 1_000);

/** A token of a new user that expires after that many seconds. */
async function tokenFor(lifetime: number): Promise<string> {
  const { id: sub } = await newUser();
  const [role, aud, iss] = ['authenticated', 'authenticated', `${url}/auth/v1`];
  return signToken({ sub, role, aud, iss, exp: seconds() + lifetime });
}

it('a token that PostgREST has already checked is refused once it has expired', async () => {
  // PostgREST accepts a token for 30 s after it expires
  const token = await tokenFor(-22);
  // a table, so that none of our functions checks the token
  const read = () => callerWith(token).supabase.from('proxy_tiers').select('tier');
  expect((await read()).status).toBe(200);
  expect((await read()).status).toBe(200);
  await vi.waitFor(async () => expect((await read()).status).toBe(401));
});

it('a token that a function has already checked is refused once it has expired', async () => {
  const list = calls.list(callerWith(await tokenFor(8)));
  expect((await list.route()).status).toBe(200);
  expect((await list.route()).status).toBe(200);
  await vi.waitFor(async () => expectProblem(await list.route(), 401, 'unauthorized'));
});
