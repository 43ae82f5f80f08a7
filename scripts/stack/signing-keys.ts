import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';

/** The key that signs every token of the local stack, like Supabase's asymmetric signing keys. */
export interface SigningKey {
  kid: string;
  alg: 'ES256';
  privateKey: CryptoKey;
  /** With `kid`, `alg` and `use`, without the private part: what the JWKS publishes. */
  publicJwk: JWK;
}

/** Generates a P-256 key pair as a private JWK to store. */
export async function generateSigningJwk(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, alg: 'ES256', use: 'sig', kid: await calculateJwkThumbprint(jwk) };
}

/** Imports a stored private JWK. Throws if it is not one of ours. */
export async function readSigningKey(jwk: JWK): Promise<SigningKey> {
  const { d: privatePart, ...published } = jwk;
  if (!privatePart || !jwk.kid || jwk.alg !== 'ES256') {
    throw new Error('the stored signing key is not an ES256 private key with a kid');
  }
  const privateKey = await importJWK(jwk, 'ES256');
  if (privateKey instanceof Uint8Array) throw new Error('the stored signing key is symmetric');
  const publicJwk = { ...published, key_ops: ['verify'] };
  return { kid: jwk.kid, alg: 'ES256', privateKey, publicJwk };
}
