import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { locateAuth } from '../../../scripts/stack/programs.ts';
import { readProjectConfig } from '../../../scripts/stack/project-config.ts';
import { openStateDirectory } from '../../../scripts/stack/state-directory.ts';
import { startAuth } from '../../../scripts/stack/supabase-auth.ts';
import { createSupervisor } from '../../../scripts/stack/supervisor.ts';
import { request } from '../../support/personas.ts';
import { realAuth } from '../../support/real-auth.ts';
import { client, newEmail, password } from './auth-client.ts';

const { url, dbUrl, signingJwk } = inject('stack');

it('no one can sign in without an account, as configured in config.toml', async () => {
  const { error } = await client().auth.signInAnonymously();
  expect(error).toMatchObject({ status: 422, code: 'anonymous_provider_disabled' });
});

// the local Auth server has no anonymous users
describe.runIf(realAuth)('an anonymous user, if the project allows them', () => {
  // a second Auth server, with the stack's database and key
  const stack = new AsyncDisposableStack();
  let origin: string;
  beforeAll(async () => {
    const state = openStateDirectory({ ephemeral: true, user: null });
    stack.defer(() => state.remove());
    const supervisor = await createSupervisor(state.processesFile, () => {});
    stack.defer(() => supervisor.stopAll());
    const config = readProjectConfig();
    config.auth.enable_anonymous_sign_ins = true;
    const keys = { privateJwks: [signingJwk] as [typeof signingJwk] };
    const run = { config, state, supervisor, keys, url, report: () => {} };
    const port = await startAuth(locateAuth() ?? '', run, Number(new URL(dbUrl).port));
    origin = `http://127.0.0.1:${port}`;
  });
  afterAll(() => stack.disposeAsync());

  const ask = async (method: string, path: string, body: object, token?: string) => {
    const headers = {
      'Content-Type': 'application/json',
      ...(token && { Authorization: `Bearer ${token}` }),
    };
    const init = { method, headers, body: JSON.stringify(body) };
    return (await fetch(`${origin}${path}`, init)).json();
  };

  it('has keys like any account, and keeps them after adding an address', async () => {
    const { access_token: token, refresh_token, user } = await ask('POST', '/signup', {});
    expect(decodeJwt(token)).toMatchObject({
      role: 'authenticated',
      is_anonymous: true,
      email: '',
      amr: [{ method: 'anonymous' }],
    });
    const minted = await request('POST', '/api/v1/proxy/keys', { token, body: { label: 'key' } });
    expect(minted.status).toBe(201);

    const email = newEmail();
    const upgraded = await ask('PUT', '/user', { email, password }, token);
    expect(upgraded).toMatchObject({ id: user.id, email, is_anonymous: false });
    const next = await ask('POST', '/token?grant_type=refresh_token', { refresh_token });
    expect(decodeJwt(next.access_token)).toMatchObject({ is_anonymous: false, email });
    const { data } = await client().auth.signInWithPassword({ email, password });
    const listed = await request('GET', '/api/v1/proxy/keys', {
      token: data.session?.access_token ?? '',
    });
    expect(await listed.json()).toMatchObject([{ label: 'key' }]);
  });
});
