import { decodeJwt, importJWK, type JWTPayload, SignJWT } from 'jose';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { newUser, type Persona, request } from '../support/personas.ts';
import { type ByVersion, byVersion } from '../support/postgrest-version.ts';

// What PostgREST makes of a token before the database is asked: docs/platform.md has it by version.

const { publishableKey, signingJwk } = inject('stack');
let user: Persona;
let claims: JWTPayload;

beforeAll(async () => {
  user = await newUser();
  claims = decodeJwt(user.token);
});

const inSeconds = (seconds: number) => Math.floor(Date.now() / 1_000) + seconds;
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token by the stack's own key; with another key id, or with none where it is null. */
async function sign(
  payload: JWTPayload,
  kid: string | null = signingJwk.kid ?? '',
): Promise<string> {
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'ES256', typ: 'JWT', ...(kid === null ? {} : { kid }) })
    .sign(await importJWK(signingJwk, 'ES256'));
}

/** Status and code of a read that every user may make, and no function of ours looks at. */
async function read(authorization: string): Promise<[number, string | null]> {
  const response = await request('GET', '/rest/v1/proxy_tiers?select=tier', {
    headers: { apikey: publishableKey, Authorization: authorization },
  });
  const body = (await response.json()) as { code?: string };
  return [response.status, body.code ?? null];
}

const readWith = async (token: string) => read(`Bearer ${token}`);
const good = [200, null];

describe('a token is good for 30 s beyond its times, for clocks that differ', () => {
  it.each<[string, (seconds: number) => JWTPayload]>([
    ['exp', (seconds) => ({ exp: inSeconds(-seconds) })],
    ['nbf', (seconds) => ({ nbf: inSeconds(seconds) })],
    ['iat', (seconds) => ({ iat: inSeconds(seconds) })],
  ])('and no longer: %s', async (_, beyond) => {
    expect(await readWith(await sign({ ...claims, ...beyond(15) }))).toEqual(good);
    const refused = [401, await byVersion({ 12: 'PGRST301', 13: 'PGRST303' })];
    expect(await readWith(await sign({ ...claims, ...beyond(60) }))).toEqual(refused);
  });
});

describe('a token is refused', () => {
  it.each<[string, JWTPayload | Record<string, unknown>, ByVersion<string>]>([
    ['whose exp is text', { exp: '9999999999' }, { 12: 'PGRST301', 13: 'PGRST303' }],
    ['whose aud is a number', { aud: 5 }, { 12: 'PGRST301', 13: 'PGRST303' }],
  ])('%s', async (_, changed, codes) => {
    const token = await sign({ ...claims, ...changed } as JWTPayload);
    expect(await readWith(token)).toEqual([401, await byVersion(codes)]);
  });

  it('whose signature is not of its content', async () => {
    const [header, , signature] = user.token.split('.');
    const forged = [header, base64({ ...claims, sub: 'somebody else' }), signature].join('.');
    expect(await readWith(forged)).toEqual([401, 'PGRST301']);
  });

  it('that has no signature', async () => {
    const token = `${base64({ alg: 'none', typ: 'JWT' })}.${base64(claims)}.`;
    expect(await readWith(token)).toEqual([401, 'PGRST301']);
  });

  it.each([signingJwk.kid ?? '', null])(
    'that takes our public key for a shared secret, with the key id %j',
    async (kid) => {
      const { d: _, ...publicJwk } = signingJwk;
      const token = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', ...(kid === null ? {} : { kid }) })
        .sign(Buffer.from(JSON.stringify(publicJwk)));
      expect(await readWith(token)).toEqual([401, 'PGRST301']);
    },
  );

  it.each(['abc', 'a.b', 'a.b.c', 'a.b.c.d.e'])('that is none: %s', async (token) => {
    expect(await readWith(token)).toEqual([401, 'PGRST301']);
  });
});

it('a token whose exp has a fraction counts as expired since 13: Auth gives whole seconds', async () => {
  const answer = await byVersion({ 12: good, 13: [401, 'PGRST303'] });
  expect(await readWith(await sign({ ...claims, exp: inSeconds(600) + 0.5 }))).toEqual(answer);
  expect(Number.isInteger(claims.exp) && Number.isInteger(claims.iat)).toBe(true);
});

describe('without a token', () => {
  it('nothing is read', async () => {
    expect(await read('Bearer')).toEqual(
      await byVersion({ 12: [401, '42501'], 13: [401, 'PGRST301'] }),
    );
  });
});

describe('the key id of a token', () => {
  it('need not be there', async () => {
    expect(await readWith(await sign(claims, null))).toEqual(good);
  });

  it('is of a key that is known, or the token is refused since 13', async () => {
    const answer = await byVersion({ 12: good, 13: [401, 'PGRST301'] });
    expect(await readWith(await sign(claims, 'another'))).toEqual(answer);
  });
});

describe('the role of a token', () => {
  it('is anon without one', async () => {
    expect(await readWith(await sign({ ...claims, role: undefined }))).toEqual([401, '42501']);
  });

  it.each(['postgres', 'supabase_admin', 'proxy_gateway'])(
    'is none but the API roles: %s',
    async (role) => {
      expect(await readWith(await sign({ ...claims, role }))).toEqual([403, '42501']);
    },
  );

  it.each(['nobody', { a: 1 }, ['authenticated']])('is one that exists: %j', async (role) => {
    const refused = [await byVersion({ 12: 400, '13.0.1': 401 }), '22023'];
    expect(await readWith(await sign({ ...claims, role }))).toEqual(refused);
  });
});

it('whom a token is for is not asked by PostgREST, as no audience is set', async () => {
  expect(await readWith(await sign({ ...claims, aud: 'somebody' }))).toEqual(good);
});
