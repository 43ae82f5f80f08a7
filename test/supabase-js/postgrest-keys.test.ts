import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { expect, inject, it, onTestFinished, vi } from 'vitest';
import { freePort, loopback } from '../../scripts/stack/ports.ts';
import { databaseUrl } from '../../scripts/stack/postgres.ts';
import { locatePostgrest } from '../../scripts/stack/programs.ts';
import { byVersion } from '../support/postgrest-version.ts';

const { dbUrl } = inject('stack');

interface Key {
  privateKey: CryptoKey;
  jwk: object;
}

async function newKey(kid: string): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256' } };
}

const tokenBy = ({ privateKey }: Key, kid: string) =>
  new SignJWT({ role: 'authenticated' })
    .setProtectedHeader({ alg: 'ES256', kid })
    .setExpirationTime('1h')
    .sign(privateKey);

/** A second PostgREST, with its keys in a file that the test can change. */
async function startWithKeys(keys: Key[]) {
  const folder = mkdtempSync(join(tmpdir(), 'postgrest-keys-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'keys.json');
  const write = (all: Key[]) =>
    writeFileSync(file, JSON.stringify({ keys: all.map((k) => k.jwk) }));
  write(keys);
  const port = await freePort();
  const child = spawn(locatePostgrest(), [], {
    stdio: 'ignore',
    env: {
      PGRST_SERVER_HOST: loopback,
      PGRST_SERVER_PORT: String(port),
      PGRST_DB_URI: databaseUrl('authenticator', Number(new URL(dbUrl).port)),
      PGRST_DB_SCHEMAS: 'public',
      PGRST_DB_ANON_ROLE: 'anon',
      PGRST_DB_POOL: '2',
      PGRST_JWT_SECRET: `@${file}`,
      PGRST_JWT_CACHE_MAX_LIFETIME: '3600',
    },
  });
  onTestFinished(() => {
    child.kill();
  });
  return {
    async statusFor(token: string): Promise<number> {
      const { status } = await fetch(`http://${loopback}:${port}/proxy_tiers`, {
        headers: { Authorization: `Bearer ${token}` },
      });
      return status;
    },
    replaceKeys(all: Key[]): void {
      write(all);
      child.kill('SIGUSR2');
    },
  };
}

it('once a key is removed, none of its tokens is valid; since 14, not even one that was checked before', async () => {
  const [old, next] = [await newKey('old'), await newKey('next')];
  const [oldToken, nextToken] = [await tokenBy(old, 'old'), await tokenBy(next, 'next')];
  const { statusFor, replaceKeys } = await startWithKeys([old]);
  await vi.waitFor(async () => expect(await statusFor(oldToken)).toBe(200));
  expect(await statusFor(nextToken)).toBe(401);
  replaceKeys([next]);
  await vi.waitFor(async () => expect(await statusFor(nextToken)).toBe(200));
  expect(await statusFor(oldToken)).toBe(await byVersion({ 12: 200, '12.2.9': 401 }));
  // an unchecked one: ES256 signatures differ each time
  expect(await statusFor(await tokenBy(old, 'old'))).toBe(401);
});
