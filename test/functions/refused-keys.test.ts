import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { newAdmin, newUser, type Persona } from '../personas.ts';
import { expectProblem, type MintedKey, protectedRoutes } from './contract.ts';
import { listKeys, mintKey, requestKey } from './key-scenes.ts';

const routesOfKeys = protectedRoutes.filter(({ path }) => path.includes(':id'));
let user: Persona;
let admin: Persona;
let other: Persona;
let theirs: MintedKey;

beforeAll(async () => {
  [user, admin, other] = await Promise.all([newUser(), newAdmin(), newUser()]);
  theirs = await mintKey(other);
});

const names: Record<string, () => string> = {
  'an id that no key has': randomUUID,
  'a keyId that no key has': () => 'avp_live_000000000000',
  'a keyId in another case': () => theirs.keyId.toUpperCase(),
  'a keyId cut short': () => theirs.keyId.slice(0, -1),
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
  'letters beyond ASCII': () => 'ключ',
  'a long text': () => 'x'.repeat(2_000),
};

/** The problem but for what differs from request to request. */
async function notFound(response: Response) {
  const { requestId, ...rest } = await expectProblem(response, 404, 'not_found');
  return rest;
}

describe.each(routesOfKeys)('$method $path', ({ method, path }) => {
  const ask = (id: string) =>
    requestKey((path.startsWith('/admin/') ? admin : user).token, method, path, id);

  it.each(Object.entries(names))('answers %s as a key that does not exist', async (_, name) => {
    expect(await notFound(await ask(name()))).toEqual(await notFound(await ask(randomUUID())));
  });
});

describe.each(routesOfKeys.filter(({ path }) => path.startsWith('/api/')))(
  "$method $path, with another user's key",
  ({ method, path }) => {
    it.each(['id', 'keyId'] as const)('is as one that does not exist, by its %s', async (name) => {
      const ask = (id: string) => requestKey(user.token, method, path, id);
      expect(await notFound(await ask(theirs[name]))).toEqual(
        await notFound(await ask(randomUUID())),
      );
      expect(await listKeys(other)).toMatchObject([{ id: theirs.id, active: true }]);
    });
  },
);

describe('an owner', () => {
  it('may write the uuid of a key in upper case', async () => {
    const { id } = await mintKey(user);
    const path = '/api/v1/proxy/keys/:id';
    expect((await requestKey(user.token, 'DELETE', path, id.toUpperCase())).status).toBe(204);
  });
});
