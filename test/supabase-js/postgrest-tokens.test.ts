import { decodeJwt, importJWK, type JWTPayload, SignJWT } from 'jose';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { newUser, type Persona, request } from '../support/personas.ts';
import { type ByVersion, byVersion } from '../support/postgrest-version.ts';

// How PostgREST handles a token before it calls the database; docs/platform.md lists it by version.

const { publishableKey, signingJwk } = inject('stack');
let user: Persona;
let claims: JWTPayload;

beforeAll(async () => {
  user = await newUser();
  claims = decodeJwt(user.token);
});

const inSeconds = (seconds: number) => Math.floor(Date.now() / 1_000) + seconds;
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token signed by the stack's own key; with another key id, or without one if null. */
async function sign(
  payload: JWTPayload,
  kid: string | null = signingJwk.kid ?? '',
): Promise<string> {
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'ES256', typ: 'JWT', ...(kid === null ? {} : { kid }) })
    .sign(await importJWK(signingJwk, 'ES256'));
}

/** Status and code of a read that every user may do, and that none of our functions checks. */
async function read(authorization: string): Promise<[number, string | null]> {
  const response = await request('GET', '/rest/v1/proxy_tiers?select=tier', {
    headers: { apikey: publishableKey, Authorization: authorization },
  });
  const body = (await response.json()) as { code?: string };
  return [response.status, body.code ?? null];
}

const readWith = async (token: string) => read(`Bearer ${token}`);
const good = [200, null];

describe('a token is valid for 30 s beyond its times, to allow for clock skew', () => {
  it.each<[string, (seconds: number) => JWTPayload]>([
    ['exp', (seconds) => ({ exp: inSeconds(-seconds) })],
    ['nbf', (seconds) => ({ nbf: inSeconds(seconds) })],
    ['iat', (seconds) => ({ iat: inSeconds(seconds) })],
  ])('but no longer: %s', async (_, beyond) => {
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

  it('whose signature does not match its content', async () => {
    const [header, , signature] = user.token.split('.');
    const forged = [header, base64({ ...claims, sub: 'somebody else' }), signature].join('.');
    expect(await readWith(forged)).toEqual([401, 'PGRST301']);
  });

  it('without a signature', async () => {
    const token = `${base64({ alg: 'none', typ: 'JWT' })}.${base64(claims)}.`;
    expect(await readWith(token)).toEqual([401, 'PGRST301']);
  });

  it.each([signingJwk.kid ?? '', null])(
    'that uses our public key as a shared secret, with the key id %j',
    async (kid) => {
      const { d: _, ...publicJwk } = signingJwk;
      const token = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', ...(kid === null ? {} : { kid }) })
        .sign(Buffer.from(JSON.stringify(publicJwk)));
      expect(await readWith(token)).toEqual([401, 'PGRST301']);
    },
  );

  it.each(['abc', 'a.b', 'a.b.c', 'a.b.c.d.e'])('that is malformed: %s', async (token) => {
    expect(await readWith(token)).toEqual([401, 'PGRST301']);
  });
});

it('a token with a fractional exp counts as expired since 13: Auth issues whole seconds', async () => {
  const answer = await byVersion({ 12: good, 13: [401, 'PGRST303'] });
  expect(await readWith(await sign({ ...claims, exp: inSeconds(600) + 0.5 }))).toEqual(answer);
  expect(Number.isInteger(claims.exp) && Number.isInteger(claims.iat)).toBe(true);
});

describe('without a token', () => {
  it('nothing can be read', async () => {
    expect(await read('Bearer')).toEqual(
      await byVersion({ 12: [401, '42501'], 13: [401, 'PGRST301'] }),
    );
  });
});

describe('the key id of a token', () => {
  it('is optional', async () => {
    expect(await readWith(await sign(claims, null))).toEqual(good);
  });

  it('must be known since 13', async () => {
    const answer = await byVersion({ 12: good, 13: [401, 'PGRST301'] });
    expect(await readWith(await sign(claims, 'another'))).toEqual(answer);
  });
});

describe('the role of a token', () => {
  it('defaults to anon', async () => {
    expect(await readWith(await sign({ ...claims, role: undefined }))).toEqual([401, '42501']);
  });

  it.each(['postgres', 'supabase_admin', 'proxy_gateway'])(
    'must be an API role: %s',
    async (role) => {
      expect(await readWith(await sign({ ...claims, role }))).toEqual([403, '42501']);
    },
  );

  it.each(['nobody', { a: 1 }, ['authenticated']])('must exist: %j', async (role) => {
    const refused = [await byVersion({ 12: 400, '13.0.1': 401 }), '22023'];
    expect(await readWith(await sign({ ...claims, role }))).toEqual(refused);
  });
});

it('PostgREST ignores the audience of a token, as none is configured', async () => {
  expect(await readWith(await sign({ ...claims, aud: 'somebody' }))).toEqual(good);
});
