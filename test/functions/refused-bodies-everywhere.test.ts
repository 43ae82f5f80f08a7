import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import {
  expectProblem,
  type MintedKey,
  type ProtectedRoute,
  protectedRoutes,
} from '../support/contract.ts';
import { mintKey } from '../support/key-scenes.ts';
import { connectOwner, newAdmin, newUser, type Persona } from '../support/personas.ts';

const { url } = inject('stack');
const sql = connectOwner();
const json = 'application/json';
let owner: Persona;
let admin: Persona;
let key: MintedKey;
let history: unknown;

/** Everything stored about the owner's keys, and the number of audit rows. */
const readHistory = () => sql`
  select k.*, (select count(*) from proxy_private.proxy_key_audit where user_id = ${owner.id}) as noted
  from proxy_private.proxy_keys as k where k.user_id = ${owner.id}`;

beforeAll(async () => {
  [owner, admin] = await Promise.all([newUser(), newAdmin()]);
  key = await mintKey(owner);
  history = await readHistory();
});
afterAll(() => sql.end());

/** Calls the route with exactly this body. */
function send(
  { method, path }: ProtectedRoute,
  body: BodyInit | null,
  contentType?: string,
  contentEncoding?: string,
): Promise<Response> {
  const { token } = path.startsWith('/admin/') ? admin : owner;
  return fetch(`${url}${path.replace(':id', key.id)}`, {
    method,
    headers: {
      Authorization: `Bearer ${token}`,
      ...(contentType === undefined ? {} : { 'Content-Type': contentType }),
      ...(contentEncoding === undefined ? {} : { 'Content-Encoding': contentEncoding }),
    },
    body,
    // a stream is sent in chunks, without a Content-Length
    ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
  });
}

const routesWithBody = protectedRoutes.filter(({ method }) => method !== 'GET');

describe.each(routesWithBody)('$method $path', (route) => {
  const fields = route.body ?? {};
  const good = JSON.stringify(fields);

  async function pathsAtFault(body: BodyInit): Promise<string[]> {
    const response = await send(route, body, json);
    const { errors } = await expectProblem(response, 400, 'invalid_request');
    return (errors ?? []).map((error) => error.path).sort();
  }

  it.each<[string, unknown, string[]]>([
    ['an unknown field', { ...fields, colour: 'red' }, ['colour']],
    ['two unknown fields', { ...fields, a: 1, b: 2 }, ['a', 'b']],
    ["an owner of the caller's choice", { ...fields, userId: 'someone' }, ['userId']],
    ["a secret of the caller's choice", { ...fields, secret: 'x' }, ['secret']],
    ["a state of the caller's choice", { ...fields, active: true }, ['active']],
    ['an idempotency key as a field', { ...fields, idempotencyKey: 'x' }, ['idempotencyKey']],
    ['an array', [fields], ['']],
    ['null', null, ['']],
    ['text', 'reason', ['']],
    ['a number', 5, ['']],
  ])('refuses a body with %s, and names the field', async (_, body, paths) => {
    expect(await pathsAtFault(JSON.stringify(body))).toEqual(paths);
  });

  it('refuses a body with a field named __proto__', async () => {
    const body = good === '{}' ? '{' : `${good.slice(0, -1)}, `;
    expect(await pathsAtFault(`${body}"__proto__": {"tier": "team"}}`)).toEqual(['__proto__']);
  });

  it.each<[string, BodyInit]>([
    ['that is truncated', good.slice(0, -1)],
    ['with an extra comma', `${good.slice(0, -1)},}`],
    ['with form fields', 'reason=x'],
    ['of spaces only', '  '],
    ['with bytes that are not UTF-8', new Uint8Array([0x7b, 0x22, 0xe9, 0x22, 0x3a, 0x31, 0x7d])],
    ['with an overlong encoding', new Uint8Array([0x7b, 0x22, 0xc1, 0x81, 0x22, 0x3a, 0x31, 0x7d])],
    ['of two documents', `${good}${good}`],
  ])('refuses a body that is not valid JSON: one %s', async (_, body) => {
    expect(await pathsAtFault(body)).toEqual(['']);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/merge-patch+json',
    'application/problem+json',
    'application/jsonp',
    'text/json',
  ])('refuses a body of type %s', async (contentType) => {
    const response = await send(route, good, contentType);
    await expectProblem(response, 415, 'unsupported_media_type');
    expect(response.headers.has('Accept-Encoding')).toBe(false);
  });

  it('refuses a body without a type', async () => {
    const response = await send(route, new TextEncoder().encode(good));
    await expectProblem(response, 415, 'unsupported_media_type');
  });

  it.each(['gzip', 'x-gzip', 'deflate', 'br', 'zstd', 'GZIP', 'identity, gzip', 'gzip, identity'])(
    'refuses a body with the content coding %s, and names the accepted one',
    async (coding) => {
      const body = coding === 'gzip' ? new Uint8Array(gzipSync(good)) : good;
      const response = await send(route, body, json, coding);
      await expectProblem(response, 415, 'unsupported_media_type');
      expect(response.headers.get('Accept-Encoding')).toBe('identity');
    },
  );

  it('reads a body whose content coding is identity or empty', async () => {
    for (const coding of ['identity', 'Identity', '']) {
      const response = await send(route, JSON.stringify({ colour: 'red' }), json, coding);
      await expectProblem(response, 400, 'invalid_request');
    }
  });

  const large = good + ' '.repeat(16 * 1024 + 1 - good.length);

  it('refuses a body over 16 KiB', async () => {
    await expectProblem(await send(route, large, json), 413, 'payload_too_large');
  });

  it('refuses a body over 16 KiB in chunks', async () => {
    const body = new Blob([large]).stream();
    await expectProblem(await send(route, body, json), 413, 'payload_too_large');
  });

  // a webhook's fields depend on its kind, and a change of keys needs one of several fields
  const required = Object.keys(route.body ?? {})
    .filter((name) => name !== 'allowedIps')
    .sort();
  it.runIf(required.length > 0 && route.method !== 'PATCH' && !required.includes('kind'))(
    'names each missing field',
    async () => {
      expect(await pathsAtFault('{}')).toEqual(required);
      for (const name of required) {
        const { [name]: _, ...rest } = { ...route.body };
        expect(await pathsAtFault(JSON.stringify(rest)), name).toEqual([name]);
      }
    },
  );
});

it('all these refusals leave the key unchanged, and record nothing', async () => {
  expect(await readHistory()).toEqual(history);
});
