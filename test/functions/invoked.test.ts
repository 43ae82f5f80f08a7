import { FunctionRegion } from '@supabase/supabase-js';
import { beforeAll, expect, it } from 'vitest';
import { listAnswer, mintedAnswer } from '../support/contract.ts';
import { newUser, type Persona } from '../support/personas.ts';

// `supabase.functions.invoke` sends the region as a header and a query parameter

let user: Persona;

beforeAll(async () => {
  user = await newUser();
});

it.each([
  ['without a region', {}],
  ['in a region', { region: FunctionRegion.EuWest1 }],
])('supabase-js invokes routes %s', async (_, options) => {
  const { functions } = user.supabase;
  const body = { label: 'invoked' };
  const minted = await functions.invoke('api/v1/proxy/keys', { ...options, body });
  expect(minted.error).toBeNull();
  const { key } = mintedAnswer.parse(minted.data);
  const listed = await functions.invoke('api/v1/proxy/keys', { ...options, method: 'GET' });
  expect(listed.error).toBeNull();
  expect(listAnswer.parse(listed.data).map(({ id }) => id)).toContain(key.id);
});
