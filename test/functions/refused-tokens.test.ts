import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { expectProblem, type MintedKey, protectedRoutes } from '../support/contract.ts';
import { mintKey } from '../support/key-scenes.ts';
import { connectOwner, newUser, type Persona, request, signToken } from '../support/personas.ts';
import { badTokens } from './bad-tokens.ts';

const { secretKey } = inject('stack');
const sql = connectOwner();
let owner: Persona;
let key: MintedKey;

beforeAll(async () => {
  owner = await newUser();
  key = await mintKey(owner);
});

afterAll(() => sql.end());

describe.each(protectedRoutes)('$method $path', ({ method, path, query = '', body }) => {
  const ask = (headers: Record<string, string>, more = '') =>
    request(method, `${path.replace(':id', key.id)}?${query}&${more}`, { body, headers });

  async function expectUnauthorized(response: Response) {
    const problem = await expectProblem(response, 401, 'unauthorized');
    expect(response.headers.get('WWW-Authenticate')).toMatch(/^Bearer\b/);
    expect(JSON.stringify(problem)).not.toContain(key.secret);
  }

  it.each(badTokens)('refuses a bearer %s', async (_, forge) => {
    const token = await forge(owner.token);
    await expectUnauthorized(await ask({ Authorization: `Bearer ${token}` }));
  });

  it.each<[string, () => Record<string, string>]>([
    ['no token', () => ({})],
    ['the secret key only as apikey', () => ({ apikey: secretKey })],
    ['a good token under another scheme', () => ({ Authorization: `Token ${owner.token}` })],
    ['a good token without a scheme', () => ({ Authorization: owner.token })],
    ['the basicAuth of a key', () => ({ Authorization: `Bearer ${key.basicAuth}` })],
    ['two tokens', () => ({ Authorization: `Bearer ${owner.token} ${owner.token}` })],
    [
      'the basicAuth of a key under Basic',
      () => ({ Authorization: `Basic ${Buffer.from(key.basicAuth).toString('base64')}` }),
    ],
  ])('refuses %s', async (_, headers) => {
    await expectUnauthorized(await ask(headers()));
  });

  it('refuses a token whose sub is not a uuid', async () => {
    const token = await signToken({ ...decodeJwt(owner.token), sub: 'somebody' });
    await expectUnauthorized(await ask({ Authorization: `Bearer ${token}` }));
  });

  it('refuses a good token in the query', async () => {
    await expectUnauthorized(await ask({}, `access_token=${owner.token}&apikey=${secretKey}`));
  });
});

describe('after all these refusals', () => {
  it('the good token is still accepted, whatever the case of its scheme', async () => {
    const headers = { Authorization: `bearer ${owner.token}` };
    expect((await request('GET', '/api/v1/proxy/keys', { headers })).status).toBe(200);
  });

  it('there is one key, as it was minted', async () => {
    const actions = await sql`
      select a.action from proxy_private.proxy_key_audit as a
      where a.user_id = ${owner.id} or a.api_key_id = ${key.id}`;
    expect([...actions]).toEqual([{ action: 'minted' }]);
  });
});
