import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type OwnStack, startOwnStack } from '../support/own-stack.ts';

let stack: OwnStack;
beforeAll(async () => {
  stack = await startOwnStack();
});
afterAll(() => stack.stop());

const require = (required: boolean) =>
  stack.sql`update proxy_private.admin_settings set second_factor_required = ${required}`;

/** What an admin with a token of this level gets from a function for admins, in SQL. */
async function findKeys(aal: string | undefined): Promise<string> {
  const claims = { sub: stack.adminId, role: 'authenticated', app_metadata: { role: 'admin' } };
  const exp = Math.floor(Date.now() / 1_000) + 60;
  return stack.sql
    .begin(async (transaction) => {
      const text = JSON.stringify({ ...claims, exp, ...(aal && { aal }) });
      await transaction`
        select set_config('request.jwt.claims', ${text}, true),
          set_config('role', 'authenticated', true)`;
      await transaction`select public.find_proxy_keys()`;
      return 'found';
    })
    .catch((error: { code: string; hint: string }) => `${error.code} ${error.hint}`);
}

it('if the operator does not require a second factor, admins need none', async () => {
  expect(await findKeys('aal1')).toBe('found');
  expect(await findKeys('aal2')).toBe('found');
});

it('if the operator requires it, admins without one are refused by routes and RPCs; others are not affected', async () => {
  await require(true);
  expect(await findKeys('aal1')).toBe('PT403 second_factor_required');
  expect(await findKeys(undefined)).toBe('PT403 second_factor_required');
  expect(await findKeys('aal2')).toBe('found');
  const response = await stack.request('/admin/proxy/keys');
  expect(response.status).toBe(403);
  expect(await response.json()).toMatchObject({ code: 'second_factor_required' });
  const suspended = await stack.request(`/admin/proxy/keys/${stack.keyId}/suspend`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ reason: randomUUID() }),
  });
  expect(suspended.status).toBe(403);
  // their own keys are a user's, not an admin's
  expect((await stack.request(`/api/v1/proxy/keys/${stack.keyId}`)).status).toBe(200);
  await require(false);
  expect((await stack.request('/admin/proxy/keys')).status).toBe(200);
});

it('only the operator can change whether it is required', async () => {
  const changed = stack.sql.begin(async (transaction) => {
    await transaction`set local role service_role`;
    await transaction`update proxy_private.admin_settings set second_factor_required = false`;
  });
  await expect(changed).rejects.toMatchObject({ code: '42501' });
});
