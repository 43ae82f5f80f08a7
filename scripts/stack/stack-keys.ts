import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { JWK } from 'jose';
import { writeFileAtomically } from './atomic-file.ts';
import { generateSigningJwk, readSigningKey, type SigningKey } from './signing-keys.ts';
import { StackError } from './stack-error.ts';

/** What a Supabase project has: API keys for its clients, and the key that signs its tokens. */
export interface StackKeys {
  publishableKey: string;
  secretKey: string;
  signingKey: SigningKey;
  /** The same as a JWK, the private part with it. */
  signingJwk: JWK;
}

interface StoredKeys {
  publishableKey: string;
  secretKey: string;
  signingJwk: JWK;
}

/** Reads the stack's keys, or makes them at its first start; a restart keeps every token valid. */
export async function loadStackKeys(file: string): Promise<StackKeys> {
  if (!existsSync(file)) writeFileAtomically(file, JSON.stringify(await makeKeys()));
  try {
    const { publishableKey, secretKey, signingJwk } = JSON.parse(
      readFileSync(file, 'utf8'),
    ) as StoredKeys;
    const signingKey = await readSigningKey(signingJwk);
    return { publishableKey, secretKey, signingKey, signingJwk };
  } catch (cause) {
    throw new StackError(
      `The stack's keys cannot be read from ${file}.`,
      'Put the file back as it was, or remove it: the next start makes new keys.',
      { cause },
    );
  }
}

async function makeKeys(): Promise<StoredKeys> {
  return {
    publishableKey: `sb_publishable_${randomBytes(24).toString('base64url')}`,
    secretKey: `sb_secret_${randomBytes(24).toString('base64url')}`,
    signingJwk: await generateSigningJwk(),
  };
}
