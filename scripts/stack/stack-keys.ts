import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { JSONWebKeySet, JWK } from 'jose';
import { writeFileAtomically } from './atomic-file.ts';
import { generateSigningJwk, readSigningKey, type SigningKey } from './signing-keys.ts';
import { StackError } from './stack-error.ts';

/** What a Supabase project has: API keys for its clients, and the key that signs its tokens. */
export interface StackKeys {
  publishableKey: string;
  secretKey: string;
  signingKey: SigningKey;
  /** The private JWKs: of the key in use, then of the one on standby. */
  privateJwks: [JWK, ...JWK[]];
  /** What verifies the project's tokens, also once the key on standby is in use. */
  jwks: JSONWebKeySet;
}

interface StoredKeys {
  publishableKey: string;
  secretKey: string;
  signingJwk: JWK;
  /** Published, but not in use. A rotation swaps the two. A stack of before this had one has none. */
  standbyJwk?: JWK;
}

/** Reads the stack's keys, or makes them at its first start; a restart keeps every token valid. */
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
    standbyJwk: await generateSigningJwk(),
  };
}
