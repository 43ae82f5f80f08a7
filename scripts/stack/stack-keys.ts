import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { JWK } from 'jose';
import { generateSigningJwk, readSigningKey, type SigningKey } from './signing-keys.ts';

/** What a Supabase project has: API keys for its clients, and the key that signs its tokens. */
export interface StackKeys {
  publishableKey: string;
  secretKey: string;
  signingKey: SigningKey;
}

interface StoredKeys {
  publishableKey: string;
  secretKey: string;
  signingJwk: JWK;
}

/** Reads the stack's keys, or makes them at its first start; a restart keeps every token valid. */
export async function loadStackKeys(file: string): Promise<StackKeys> {
  const stored = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as StoredKeys)
    : await makeKeys();
  writeFileSync(file, JSON.stringify(stored), { mode: 0o600 });
  const { publishableKey, secretKey, signingJwk } = stored;
  return { publishableKey, secretKey, signingKey: await readSigningKey(signingJwk) };
}

async function makeKeys(): Promise<StoredKeys> {
  return {
    publishableKey: `sb_publishable_${randomBytes(24).toString('base64url')}`,
    secretKey: `sb_secret_${randomBytes(24).toString('base64url')}`,
    signingJwk: await generateSigningJwk(),
  };
}
