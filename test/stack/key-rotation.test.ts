import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@supabase/supabase-js';
import { decodeProtectedHeader } from 'jose';
import { expect, onTestFinished, test } from 'vitest';
import { type Stack, startStack } from '../../scripts/stack/stack.ts';

test('the standby key comes into use, and tokens of the previous key stay valid until they expire', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'key-rotation-'));
  chmodSync(folder, 0o755);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const start = () => startStack({ ephemeral: true, folder, dashboard: false });
  const account = { email: `${randomUUID()}@example.com`, password: 'correct horse' };

  const before = await start();
  onTestFinished(() => before.stop());
  const kids = await publishedKids(before);
  expect(kids).toHaveLength(2);
  const old = (await authOf(before).signUp(account)).data.session?.access_token ?? '';
  expect(kids).toContain(decodeProtectedHeader(old).kid);
  expect(await answersTo(before, old)).toEqual([200, 200, 200]);
  await before.stop();

  const keys = JSON.parse(readFileSync(before.keysFile, 'utf8'));
  const { signingJwk: standbyJwk, standbyJwk: signingJwk } = keys;
  writeFileSync(before.keysFile, JSON.stringify({ ...keys, signingJwk, standbyJwk }));
  const after = await start();
  onTestFinished(() => after.stop());
  expect(await publishedKids(after)).toEqual(kids);
  const signedIn = await authOf(after).signInWithPassword(account);
  const token = signedIn.data.session?.access_token ?? '';
  expect(decodeProtectedHeader(token).kid).toBe(signingJwk.kid);
  expect(await answersTo(after, token)).toEqual([200, 200, 200]);
  expect(await answersTo(after, old)).toEqual([200, 200, 200]);
});

const authOf = ({ url, publishableKey }: Stack) =>
  createClient(url, publishableKey, { auth: { persistSession: false, autoRefreshToken: false } })
    .auth;

async function publishedKids({ url }: Stack): Promise<string[]> {
  const response = await fetch(`${url}/auth/v1/.well-known/jwks.json`);
  const { keys } = (await response.json()) as { keys: { kid: string }[] };
  return keys.map(({ kid }) => kid).toSorted();
}

/** The status of Auth, PostgREST and a function for a token. */
function answersTo({ url, publishableKey: apikey }: Stack, token: string): Promise<number[]> {
  const paths = ['/auth/v1/user', '/rest/v1/proxy_tiers', '/api/v1/proxy/keys'];
  const headers = { apikey, Authorization: `Bearer ${token}` };
  return Promise.all(paths.map(async (path) => (await fetch(`${url}${path}`, { headers })).status));
}
