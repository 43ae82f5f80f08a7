import { beforeAll, describe, expect, inject, it } from 'vitest';
import { askBy, expectSameRefusal } from '../../support/both-ways.ts';
import { calls } from '../../support/calls.ts';
import { expectAnswer, expectProblem, mintedAnswer } from '../../support/contract.ts';
import { getKey, listKeys, mintKey } from '../../support/key-scenes.ts';
import { newUser, type Persona, request } from '../../support/personas.ts';

const { url } = inject('stack');
let owner: Persona;

beforeAll(async () => {
  owner = await newUser();
});

/** Every visible ASCII character. */
const visible = String.fromCharCode(...Array.from({ length: 94 }, (_, n) => n + 0x21));

describe.each(Object.entries(askBy))('by %s', (name, ask) => {
  it.each<[string, string]>([
    ['one character', name.slice(1, 2)],
    ['255 characters', name.padEnd(255, 'x')],
    ['a uuid', '8e03978e-40d5-43dd-bc93-6894a57f9324'.replace('8e', name === 'rpc' ? '00' : '01')],
    ['every visible character', `${visible}${name}`],
    ['a quoted string', `"${name}"`],
  ])('an idempotency key can be %s', async (_, key) => {
    const ways = calls.mint(owner, { label: 'x' }, key);
    expect((await ask(ways)).code).toBeNull();
    expect((await ask(ways)).code).toBe('already_done');
  });

  it("idempotency keys differ even in one letter's case or in the last of 255 characters", async () => {
    const long = `${name}-last`.padEnd(254, 'x');
    for (const key of [`${name}-a`, `${name}-A`, `${long}x`, `${long}y`]) {
      expect((await ask(calls.mint(owner, { label: 'x' }, key))).code).toBeNull();
    }
  });
});

describe('an idempotency key is refused over HTTP and RPC', () => {
  it.each([
    ['with 0 characters', ''],
    ['with 256 characters', 'x'.repeat(256)],
    ['with 10,000 characters', 'x'.repeat(10_000)],
    ['with a space inside', 'one two'],
    ['with a tab inside', 'one\ttwo'],
    ['with a non-ASCII letter', 'schlüssel'],
    ['with a non-breaking space', 'one\u00a0two'],
  ])('%s', async (_, key) => {
    const user = await newUser();
    const { id } = await mintKey(user);
    for (const ways of [
      calls.mint(user, { label: 'x' }, key),
      calls.rotate(user, id, undefined, key),
    ]) {
      const { problem, details } = await expectSameRefusal(ways, 400, 'invalid_request');
      expect(problem.errors).toMatchObject([{ path: 'Idempotency-Key' }]);
      expect(details).toBe('idempotency_key');
    }
    expect(await listKeys(user)).toHaveLength(1);
    expect(await getKey(user, id)).toMatchObject({ rotatedAt: null });
  });

  it.each(['one\u007ftwo', 'one\ntwo', 'ключ', '🔑', ' x'])('by RPC as %j', async (key) => {
    expect(await askBy.rpc(calls.mint(owner, { label: 'x' }, key))).toMatchObject({
      status: 400,
      code: 'invalid_request',
    });
  });
});

describe('the Idempotency-Key header', () => {
  const send = (headers: [string, string][], body: unknown = { label: 'x' }) =>
    request('POST', '/api/v1/proxy/keys', {
      token: owner.token,
      body,
      headers: Object.fromEntries(headers),
    });

  it('ignores case in its name and surrounding spaces in its value', async () => {
    const { key } = await expectAnswer(
      await send([['IDEMPOTENCY-KEY', '  any-case  ']]),
      201,
      mintedAnswer,
    );
    const again = await send([['idempotency-key', 'any-case']]);
    expect((await expectProblem(again, 409, 'already_done')).id).toBe(key.id);
  });

  it('is refused if it is sent twice', async () => {
    // fetch joins two headers of one name into one value with a comma and a space
    const { problem } = await expectSameRefusal(
      calls.mint(owner, { label: 'x' }, 'twice, again'),
      400,
      'invalid_request',
    );
    expect(problem.errors).toMatchObject([{ path: 'Idempotency-Key' }]);
  });

  it('is not remembered if the body is refused', async () => {
    const headers: [string, string][] = [['Idempotency-Key', 'after-a-refused-body']];
    await expectProblem(await send(headers, { label: '' }), 400, 'invalid_request');
    await expectProblem(await send(headers, { colour: 'red' }), 400, 'invalid_request');
    await expectAnswer(await send(headers), 201, mintedAnswer);
  });

  it('is ignored by requests that are idempotent themselves', async () => {
    const { id } = await mintKey(owner);
    const headers = { 'Idempotency-Key': 'of-a-delete' };
    for (let n = 0; n < 2; n += 1) {
      const path = `/api/v1/proxy/keys/${id}`;
      expect((await request('DELETE', path, { token: owner.token, headers })).status).toBe(204);
    }
  });

  it('may be sent by a page of another origin', async () => {
    const response = await fetch(`${url}/api/v1/proxy/keys`, {
      method: 'OPTIONS',
      headers: {
        Origin: 'https://dashboard.example.com',
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,content-type,idempotency-key',
      },
    });
    expect(response.headers.get('Access-Control-Allow-Headers')?.toLowerCase()).toContain(
      'idempotency-key',
    );
  });
});
