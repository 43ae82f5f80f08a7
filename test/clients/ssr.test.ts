import { createServerClient } from '@supabase/ssr';
import { expect, inject, it } from 'vitest';
import type { Database } from '../../supabase/functions/_shared/database.types.ts';
import { newUser, password } from '../support/personas.ts';
import { journeyFound, takeJourney } from './journey.ts';

const { url, publishableKey } = inject('stack');

/** A browser's cookies, as a server reads them from requests and sets them in answers. */
function createCookies() {
  const kept = new Map<string, string>();
  return {
    kept,
    methods: {
      getAll: () => [...kept].map(([name, value]) => ({ name, value })),
      setAll(cookies: { name: string; value: string }[]) {
        for (const { name, value } of cookies) {
          if (value === '') kept.delete(name);
          else kept.set(name, value);
        }
      },
    },
  };
}

type Cookies = ReturnType<typeof createCookies>;

/** The client that a server creates for each request. */
const createForRequest = ({ methods }: Cookies) =>
  createServerClient<Database>(url, publishableKey, { cookies: methods });

it('all of a developer’s calls work on a server that keeps the session in cookies', async () => {
  const { email } = await newUser();
  const { methods } = createCookies();
  const create = (...[projectUrl, key]: [string, string]) =>
    createServerClient(projectUrl, key, { cookies: methods });
  const found = await takeJourney(create as never, { url, publishableKey, email, password });
  expect(found).toEqual(journeyFound);
});

it('a session from one request is valid in the next requests, until the user signs out', async () => {
  const { id, email } = await newUser();
  const [cookies, others] = [createCookies(), createCookies()];
  const signedIn = await createForRequest(cookies).auth.signInWithPassword({ email, password });
  expect(signedIn.error).toBeNull();

  const minting = createForRequest(cookies);
  expect((await minting.auth.getClaims()).data?.claims.sub).toBe(id);
  const minted = await minting.functions.invoke('api/v1/proxy/keys', { body: { label: 'ssr' } });
  expect(minted.data.key.label).toBe('ssr');
  const reading = createForRequest(cookies);
  expect(await reading.rpc('list_proxy_keys')).toMatchObject({
    error: null,
    data: { items: [{ label: 'ssr' }] },
  });
  expect(await createForRequest(others).rpc('list_proxy_keys')).toMatchObject({ status: 401 });

  expect((await createForRequest(cookies).auth.signOut()).error).toBeNull();
  expect([...cookies.kept.keys()]).toEqual([]);
  expect(await createForRequest(cookies).rpc('list_proxy_keys')).toMatchObject({ status: 401 });
});
