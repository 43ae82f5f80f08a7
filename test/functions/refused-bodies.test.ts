import { beforeAll, describe, expect, inject, it } from 'vitest';
import { expectAnswer, expectProblem, mintedAnswer } from '../support/contract.ts';
import { listKeys } from '../support/key-scenes.ts';
import { newUser, type Persona } from '../support/personas.ts';

const { url } = inject('stack');
const path = '/api/v1/proxy/keys';
const json = 'application/json';
let user: Persona;

beforeAll(async () => {
  user = await newUser();
});

/** A POST with a body as it stands, byte for byte. */
function send(
  body: BodyInit | null,
  { contentType, path: to = path }: { contentType?: string; path?: string } = {},
): Promise<Response> {
  return fetch(`${url}${to}`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${user.token}`,
      ...(contentType === undefined ? {} : { 'Content-Type': contentType }),
    },
    body,
    // a body that is a stream goes out in chunks, without a Content-Length
    ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
  });
}

/** The paths that a refused body is told of. */
async function pathsAtFault(response: Response): Promise<string[]> {
  const { errors } = await expectProblem(response, 400, 'invalid_request');
  return (errors ?? []).map((error) => error.path).sort();
}

describe('a body of mint whose fields cannot be used', () => {
  it.each<[string, unknown, string[]]>([
    ['no label', {}, ['label']],
    ['a label that is null', { label: null }, ['label']],
    ['a label that is a number', { label: 5 }, ['label']],
    ['a label that is an object', { label: { toString: 'x' } }, ['label']],
    ['a label of 0 characters', { label: '' }, ['label']],
    ['a label of spaces alone', { label: ' \t\n\u00a0\u3000' }, ['label']],
    ['a label of 81 characters', { label: 'x'.repeat(81) }, ['label']],
    ['a label of 81 characters outside the basic plane', { label: '🔑'.repeat(81) }, ['label']],
    ['a label with a line end', { label: 'one\ntwo' }, ['label']],
    ['a label with a NUL', { label: 'one\u0000two' }, ['label']],
    ['a label with an escape', { label: 'one\u001b[31mtwo' }, ['label']],
    ['a label with a DEL', { label: 'one\u007ftwo' }, ['label']],
    ['a label with a C1 control', { label: 'one\u0085two' }, ['label']],
    ['a label with the last C1 control', { label: 'one\u009ftwo' }, ['label']],
    ['a label with half of a surrogate pair', { label: 'one\ud800two' }, ['label']],
    ['a label with the other half', { label: '\udc00' }, ['label']],
    ['an unknown tier', { label: 'x', tier: 'gold' }, ['tier']],
    ['a tier in another case', { label: 'x', tier: 'Developer' }, ['tier']],
    ['an empty tier', { label: 'x', tier: '' }, ['tier']],
    ['a tier that is null', { label: 'x', tier: null }, ['tier']],
    ['a tier that is a list', { label: 'x', tier: ['team'] }, ['tier']],
    ['a tier with a NUL', { label: 'x', tier: 'team\u0000' }, ['tier']],
    ['a tier with half of a surrogate pair', { label: 'x', tier: '\ud800' }, ['tier']],
    ['a liveMode that is text', { label: 'x', liveMode: 'true' }, ['liveMode']],
    ['a liveMode that is a number', { label: 'x', liveMode: 1 }, ['liveMode']],
    ['a liveMode that is null', { label: 'x', liveMode: null }, ['liveMode']],
    ['an unknown field', { label: 'x', colour: 'red' }, ['colour']],
    ['two unknown fields', { label: 'x', a: 1, b: 2 }, ['a', 'b']],
    ['a field in snake case', { label: 'x', live_mode: true }, ['live_mode']],
    ['an owner of its own choice', { label: 'x', userId: 'someone' }, ['userId']],
    [
      'limits of its own choice',
      { label: 'x', bandwidthLimitBytes: 1e15 },
      ['bandwidthLimitBytes'],
    ],
    ['faults in several fields', { tier: 1, liveMode: 2 }, ['label', 'liveMode', 'tier']],
    ['an array', [{ label: 'x' }], ['']],
    ['null', null, ['']],
    ['text', 'label', ['']],
    ['a number', 5, ['']],
  ])('is refused with %s', async (_, body, paths) => {
    expect(await pathsAtFault(await user.request('POST', path, body))).toEqual(paths);
  });

  it('is refused with a field named __proto__', async () => {
    const response = await send('{"label": "x", "__proto__": {"tier": "team"}}', {
      contentType: json,
    });
    expect(await pathsAtFault(response)).toEqual(['__proto__']);
  });
});

describe('a body that is not JSON', () => {
  const latin1 = new Uint8Array([...Buffer.from('{"label": "caf'), 0xe9, ...Buffer.from('"}')]);
  const overlong = new Uint8Array([
    ...Buffer.from('{"label": "'),
    0xc1,
    0x81,
    ...Buffer.from('"}'),
  ]);

  it.each<[string, BodyInit]>([
    ['cut short', '{"label": "x"'],
    ['with a comma too many', '{"label": "x",}'],
    ['of a form', 'label=x'],
    ['of nothing', ''],
    ['of spaces', '  '],
    ['with bytes that are not UTF-8', latin1],
    ['with an overlong encoding', overlong],
    ['of two documents', '{"label": "x"}{"label": "y"}'],
  ])('is refused: one %s', async (_, body) => {
    expect(await pathsAtFault(await send(body, { contentType: json }))).toEqual(['']);
  });
});

describe('a content type', () => {
  const body = JSON.stringify({ label: 'x' });

  it.each([
    [json],
    ['application/json; charset=utf-8'],
    ['application/json;charset=UTF-8'],
    ['Application/JSON'],
  ])('may be %s', async (contentType) => {
    await expectAnswer(await send(body, { contentType }), 201, mintedAnswer);
  });

  it.each([
    ['text/plain'],
    ['application/x-www-form-urlencoded'],
    ['multipart/form-data; boundary=x'],
    ['application/jsonp'],
    ['application/problem+json'],
    ['text/json'],
  ])('may not be %s', async (contentType) => {
    await expectProblem(await send(body, { contentType }), 415, 'unsupported_media_type');
  });

  it('may not be left out', async () => {
    const bytes = new TextEncoder().encode(body);
    await expectProblem(await send(bytes), 415, 'unsupported_media_type');
  });
});

describe('a large body', () => {
  const limit = 16 * 1024;
  /** A body that mints, of so many bytes. */
  const padded = (bytes: number) => `{"label": "large"${' '.repeat(bytes - 18)}}`;
  const chunked = (text: string) => new Blob([text]).stream();

  it.each<[string, (text: string) => BodyInit]>([
    ['with a Content-Length', (text) => text],
    ['in chunks', chunked],
  ])('may have 16 KiB, and no byte more, %s', async (_, form) => {
    expect(padded(limit)).toHaveLength(limit);
    const most = await send(form(padded(limit)), { contentType: json });
    await expectAnswer(most, 201, mintedAnswer);
    for (const bytes of [limit + 1, 17 * 1024]) {
      const response = await send(form(padded(bytes)), { contentType: json });
      await expectProblem(response, 413, 'payload_too_large');
    }
  });

  it.each([
    '/api/v1/proxy/keys/avp_live_000000000000/rotate',
    '/admin/proxy/keys/avp_live_000000000000/reactivate',
  ])('is refused also where no field is taken: %s', async (to) => {
    for (const body of [padded(17 * 1024), chunked(padded(17 * 1024))]) {
      const response = await send(body, { contentType: json, path: to });
      await expectProblem(response, 413, 'payload_too_large');
    }
  });
});

describe('after all that was refused', () => {
  it('has no key but those of the bodies that may be', async () => {
    const labels = new Set((await listKeys(user)).map((key) => key.label));
    expect(labels).toEqual(new Set(['x', 'large']));
    expect(await listKeys(user)).toHaveLength(6);
  });
});
