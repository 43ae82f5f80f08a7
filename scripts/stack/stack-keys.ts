import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { JSONWebKeySet, JWK } from 'jose';
import { writeFileAtomically } from './atomic-file.ts';
import { generateSigningJwk, readSigningKey, type SigningKey } from './signing-keys.ts';
import { StackError } from './stack-error.ts';

/** The keys of a Supabase project: API keys for its clients, and the keys for its tokens. */
export interface StackKeys {
  publishableKey: string;
  secretKey: string;
  signingKey: SigningKey;
  /** The private JWKs: the key in use, then the standby key. */
  privateJwks: [JWK, ...JWK[]];
  /** The keys that verify the project's tokens, including the standby key. */
  jwks: JSONWebKeySet;
}

interface StoredKeys {
  publishableKey: string;
  secretKey: string;
  signingJwk: JWK;
  /** Published, but not in use. A rotation swaps the two. Old stacks have none. */
  standbyJwk?: JWK;
}

/** Reads the stack's keys, or creates them at the first start. Tokens stay valid across restarts. */
export async function loadStackKeys(file: string): Promise<StackKeys> {
  if (!existsSync(file)) writeFileAtomically(file, JSON.stringify(await makeKeys()));
  try {
    const { publishableKey, secretKey, signingJwk, standbyJwk } = JSON.parse(
      readFileSync(file, 'utf8'),
    ) as StoredKeys;
    const signingKey = await readSigningKey(signingJwk);
    const standby = standbyJwk === undefined ? [] : [standbyJwk];
    const verifying = await Promise.all([signingJwk, ...standby].map(readSigningKey));
    return {
      publishableKey,
      secretKey,
      signingKey,
      privateJwks: [signingJwk, ...standby],
      jwks: { keys: verifying.map(({ publicJwk }) => publicJwk) },
    };
  } catch (cause) {
    throw new StackError(
      `The stack's keys cannot be read from ${file}.`,
      'Restore the file, or remove it: the next start creates new keys.',
      { cause },
    );
  }
}

async function makeKeys(): Promise<StoredKeys> {
  return {
    publishableKey: `sb_publishable_${randomBytes(24).toString('base64url')}`,
    secretKey: `sb_secret_${randomBytes(24).toString('base64url')}`,
    signingJwk: await generateSigningJwk(),
    standbyJwk: await generateSigningJwk(),
  };
}
