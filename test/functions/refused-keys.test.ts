import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectProblem,
  type MintedKey,
  type ProtectedRoute,
  protectedRoutes,
} from '../support/contract.ts';
import { listKeys, mintKey } from '../support/key-scenes.ts';
import { newAdmin, newUser, type Persona, request } from '../support/personas.ts';

/** All routes that name a key in the path or the query. */
const routesOfKeys: ProtectedRoute[] = [
  ...protectedRoutes.filter(({ path }) => path.includes(':id')),
  {
    method: 'GET',
    path: '/api/v1/proxy/usage/series',
    query: 'interval=hour&keyId=:id',
    success: 200,
  },
  ...['targets', 'outcomes'].map(
    (name): ProtectedRoute => ({
      method: 'GET',
      path: `/api/v1/proxy/usage/${name}`,
      query: 'keyId=:id',
      success: 200,
    }),
  ),
];
let user: Persona;
let admin: Persona;
let other: Persona;
let theirs: MintedKey;

beforeAll(async () => {
  [user, admin, other] = await Promise.all([newUser(), newAdmin(), newUser()]);
  theirs = await mintKey(other);
});

const names: Record<string, () => string> = {
  'an unknown keyId': () => 'avp_live_000000000000',
  'a truncated keyId': () => theirs.keyId.slice(0, -1),
  'a keyId of the other mode': () => theirs.keyId.replace('live', 'test'),
  'a label': () => theirs.label,
  'the whole basicAuth': () => theirs.basicAuth,
  'a malformed uuid': () => `${theirs.id}0`,
  'a number': () => '1',
  'a wildcard': () => '%',
  'a path': () => '../keys',
  'a quote': () => `' or true --`,
  'a NUL': () => '\u0000',
  'a keyId and a NUL': () => `${theirs.keyId}\u0000`,
  'non-ASCII letters': () => 'ключ',
  'a long text': () => 'x'.repeat(2_000),
};

/** A request that would succeed if the key existed and the caller could use it. */
function ask({ token }: Persona, route: ProtectedRoute, id: string): Promise<Response> {
  const path = `${route.path}${route.query ? `?${route.query}` : ''}`;
  return request(route.method, path.replace(':id', encodeURIComponent(id)), {
    token,
    body: route.body,
  });
}

/** The problem without what differs between requests. */
async function notFound(response: Response) {
  const { requestId, ...rest } = await expectProblem(response, 404, 'not_found');
  return rest;
}

describe.each(routesOfKeys)('$method $path', (route) => {
  const refusalOf = async (id: string) =>
    notFound(await ask(route.path.startsWith('/admin/') ? admin : user, route, id));
  let unknown: Awaited<ReturnType<typeof refusalOf>>;
  beforeAll(async () => {
    unknown = await refusalOf(randomUUID());
  });
  // in a query, text that the database cannot hold is refused before the lookup
  const askable = Object.entries(names).filter(
    ([name]) => route.path.includes(':id') || !name.includes('NUL'),
  );

  it.each(askable)('answers %s like an unknown key', async (_, name) => {
    expect(await refusalOf(name())).toEqual(unknown);
  });
});

describe.each(routesOfKeys.filter(({ path }) => path.startsWith('/api/')))(
  "$method $path, with another user's key",
  (route) => {
    it.each(['id', 'keyId'] as const)('answers like an unknown key, by its %s', async (name) => {
      const before = await listKeys(other);
      for (const persona of [user, admin]) {
        expect(await notFound(await ask(persona, route, theirs[name]))).toEqual(
          await notFound(await ask(persona, route, randomUUID())),
        );
      }
      expect(await listKeys(other)).toEqual(before);
    });
  },
);

describe('an owner', () => {
  it.each(['id', 'keyId'] as const)('can write the %s of a key in upper case', async (name) => {
    for (const route of routesOfKeys.filter(({ path }) => path.startsWith('/api/'))) {
      const key = await mintKey(user);
      const response = await ask(user, route, key[name].toUpperCase());
      expect(response.status, `${route.method} ${route.path}`).toBe(route.success);
    }
  });
});
