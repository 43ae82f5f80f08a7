import { randomUUID } from 'node:crypto';
import {
  base64url,
  decodeJwt,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from 'jose';
import { inject } from 'vitest';
import { signToken } from '../support/personas.ts';

const { url, publishableKey, secretKey, signingJwk } = inject('stack');
const { kid = '' } = signingJwk;

async function publicJwk(): Promise<JWK> {
  const response = await fetch(`${url}/auth/v1/.well-known/jwks.json`);
  const { keys } = (await response.json()) as { keys: JWK[] };
  const jwk = keys.find((candidate) => candidate.kid === kid);
  if (!jwk) throw new Error('the signing key is not published');
  return jwk;
}

/** Claims under an HMAC whose secret is public. */
function signWithText(claims: JWTPayload, secret: string): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', kid, typ: 'JWT' })
    .sign(new TextEncoder().encode(secret));
}

/** Claims signed as another project signs its own. */
async function signElsewhere(
  claims: JWTPayload,
  header: Partial<JWTHeaderParameters>,
  withOwnKey = false,
): Promise<string> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const own = withOwnKey ? { jwk: await exportJWK(publicKey) } : {};
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', typ: 'JWT', ...own, ...header })
    .sign(privateKey);
}

function without(claims: JWTPayload, name: string): JWTPayload {
  const { [name]: _, ...rest } = claims;
  return rest;
}

function split(token: string): { header: string; payload: string; signature: string } {
  const [header = '', payload = '', signature = ''] = token.split('.');
  return { header, payload, signature };
}

const seconds = () => Math.floor(Date.now() / 1000);
const encode = (value: unknown) => base64url.encode(JSON.stringify(value));

type Forge = (good: string, claims: JWTPayload) => Promise<string> | string;

const forgeries: Record<string, Forge> = {
  'that is expired': (_, claims) =>
    signToken({ ...claims, iat: seconds() - 7_200, exp: seconds() - 3_600 }),
  'that is not valid yet': (_, claims) => signToken({ ...claims, nbf: seconds() + 3_600 }),
  'with a wrong signature': (good) => {
    const { header, payload, signature } = split(good);
    return `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
  },
  'whose claims were changed after signing': (good, claims) => {
    const { header, signature } = split(good);
    return `${header}.${encode({ ...claims, app_metadata: { role: 'admin' } })}.${signature}`;
  },
  'without a signature': (good) => `${split(good).header}.${split(good).payload}.`,
  'with alg none': (_, claims) => new UnsecuredJWT(claims).encode(),
  'with alg none and the kid of the key': (_, claims) =>
    `${encode({ alg: 'none', kid })}.${encode(claims)}.`,
  'signed with HS256 by the public key as JWK': async (_, claims) =>
    signWithText(claims, JSON.stringify(await publicJwk())),
  'signed with HS256 by the public key as PEM': async (_, claims) => {
    const imported = await importJWK(await publicJwk(), 'ES256', { extractable: true });
    if (imported instanceof Uint8Array) throw new Error('the key is not a public key');
    return signWithText(claims, await exportSPKI(imported));
  },
  'of another project under the same kid': (_, claims) => signElsewhere(claims, { kid }),
  'of another project under its own kid': (_, claims) =>
    signElsewhere(claims, { kid: randomUUID() }),
  'of another project without a kid': (_, claims) => signElsewhere(claims, {}),
  'that includes its own key': (_, claims) => signElsewhere(claims, { kid }, true),
  'without a sub': (_, claims) => signToken(without(claims, 'sub')),
  'whose sub is not text': (_, claims) => signToken({ ...claims, sub: 42 }),
  'without a role': (_, claims) => signToken(without(claims, 'role')),
  'of the anonymous role': (_, claims) => signToken({ ...claims, role: 'anon' }),
  'of the service role': (_, claims) => signToken({ ...claims, role: 'service_role' }),
  "of the database's owner": (_, claims) => signToken({ ...claims, role: 'postgres' }),
  'that is the publishable key': () => publishableKey,
  'that is the secret key': () => secretKey,
  'that is not a token': () => 'nonsense',
  'that is empty': () => '',
};

/** Tokens that must be refused, each with a description and derived from a good token. */
export const badTokens = Object.entries(forgeries).map(
  ([name, forge]): [string, (good: string) => Promise<string>] => [
    name,
    async (good) => forge(good, decodeJwt(good)),
  ],
);
