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

/** Sends a POST with exactly this body. */
function send(body: BodyInit, contentType = json): Promise<Response> {
  return fetch(`${url}${path}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${user.token}`, 'Content-Type': contentType },
    body,
    // a stream is sent in chunks, without a Content-Length
    ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
  });
}

/** The paths that a refusal of a body names. */
async function pathsAtFault(response: Response): Promise<string[]> {
  const { errors } = await expectProblem(response, 400, 'invalid_request');
  return (errors ?? []).map((error) => error.path).sort();
}

describe('an invalid body of a mint', () => {
  it.each<[string, unknown, string[]]>([
    ['a label that is a number', { label: 5 }, ['label']],
    ['a label that is an object', { label: { toString: 'x' } }, ['label']],
    ['a label with a NUL', { label: 'one\u0000two' }, ['label']],
    ['a label with an escape character', { label: 'one\u001b[31mtwo' }, ['label']],
    ['a label with the last C1 control', { label: 'one\u009ftwo' }, ['label']],
    ['a label with half of a surrogate pair', { label: 'one\ud800two' }, ['label']],
    ['a label with the other half', { label: '\udc00' }, ['label']],
    ['a tier that is a list', { label: 'x', tier: ['team'] }, ['tier']],
    ['a tier with a NUL', { label: 'x', tier: 'team\u0000' }, ['tier']],
    ['a tier with half of a surrogate pair', { label: 'x', tier: '\ud800' }, ['tier']],
    ['a liveMode that is text', { label: 'x', liveMode: 'true' }, ['liveMode']],
    ['a liveMode that is a number', { label: 'x', liveMode: 1 }, ['liveMode']],
    ['a field in snake case', { label: 'x', live_mode: true }, ['live_mode']],
    [
      "limits of the caller's choice",
      { label: 'x', bandwidthLimitBytes: 1e15 },
      ['bandwidthLimitBytes'],
    ],
    ['faults in several fields', { tier: 1, liveMode: 2 }, ['label', 'liveMode', 'tier']],
  ])('is refused with %s', async (_, body, paths) => {
    expect(await pathsAtFault(await user.request('POST', path, body))).toEqual(paths);
  });
});

it('an empty body of a mint is refused', async () => {
  expect(await pathsAtFault(await send(''))).toEqual(['']);
});

describe('a content type', () => {
  const body = JSON.stringify({ label: 'x' });

  it.each([
    [json],
    ['application/json; charset=utf-8'],
    ['application/json;charset=UTF-8'],
    ['Application/JSON'],
  ])('can be %s', async (contentType) => {
    await expectAnswer(await send(body, contentType), 201, mintedAnswer);
  });
});

describe('a large body', () => {
  const limit = 16 * 1024;
  /** A valid body for a mint, with that many bytes. */
  const padded = (bytes: number) => `{"label": "large"${' '.repeat(bytes - 18)}}`;
  const chunked = (text: string) => new Blob([text]).stream();

  it.each<[string, (text: string) => BodyInit]>([
    ['with a Content-Length', (text) => text],
    ['in chunks', chunked],
  ])('may have 16 KiB, and not a byte more, %s', async (_, form) => {
    expect(padded(limit)).toHaveLength(limit);
    const most = await send(form(padded(limit)));
    await expectAnswer(most, 201, mintedAnswer);
    const more = await send(form(padded(limit + 1)));
    await expectProblem(more, 413, 'payload_too_large');
  });
});

describe('after all these refusals', () => {
  it('the user has only the keys of the valid bodies', async () => {
    const labels = new Set((await listKeys(user)).map((key) => key.label));
    expect(labels).toEqual(new Set(['x', 'large']));
    expect(await listKeys(user)).toHaveLength(6);
  });
});
