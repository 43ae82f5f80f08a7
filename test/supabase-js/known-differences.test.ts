import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { anonymous, type BothWays, callerWith, calls, everything } from '../support/calls.ts';
import { expectProblem } from '../support/contract.ts';
import { mintKey } from '../support/key-scenes.ts';
import { createSupabase, newUser, type Persona, signToken } from '../support/personas.ts';
import { byVersion } from '../support/postgrest-version.ts';
import { everyCallOfWebhooks } from '../support/webhook-calls.ts';

// If PostgREST answers before the database's rules apply, it uses its own codes and messages.

const { secretKey } = inject('stack');
let user: Persona;
let id: string;

beforeAll(async () => {
  user = await newUser();
  ({ id } = await mintKey(user));
});

/** The route refuses with `status` and `code`; PostgREST with the status and SQLSTATE of `rpc`. */
async function expectRefusals(
  ways: BothWays,
  route: { status: number; code: string },
  rpc: { status: number; code: string },
): Promise<void> {
  await expectProblem(await ways.route(), route.status, route.code);
  const { status, data, error } = await ways.rpc();
  expect({ status, data, code: error?.code }).toEqual({ ...rpc, data: null });
}

const invalid = { status: 400, code: 'invalid_request' };
const unauthorized = { status: 401, code: 'unauthorized' };

describe('JSON types', () => {
  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['a number as label', { label: 5 }, { label: '5' }],
    ['an object as label', { label: { a: 1 } }, { label: '{"a":1}' }],
    ['text as mode', { label: 'x', liveMode: 'false' }, { live_mode: false }],
  ])('are refused by the route and coerced by PostgREST: %s', async (_, body, minted) => {
    const { route, rpc } = calls.mint(user, body);
    await expectProblem(await route(), 400, 'invalid_request');
    expect(await rpc()).toMatchObject({ status: 200, error: null, data: minted });
  });

  it('are also refused by PostgREST if they cannot be coerced', async () => {
    const ways = calls.mint(user, { label: 'x', liveMode: 'maybe' });
    await expectRefusals(ways, invalid, { status: 400, code: '22P02' });
  });
});

describe('numbers', () => {
  it.each([
    ['a grace period of one and a half seconds', 1.5, '22P02'],
    ['a grace period over the integer range', 2 ** 31, '22003'],
    ['a grace period that is not a number', 'five', '22P02'],
  ])("are 400 over HTTP and RPC, with PostgREST's own code: %s", async (_, graceSeconds, code) => {
    const { id } = await mintKey(user);
    await expectRefusals(calls.rotate(user, id, { graceSeconds }), invalid, {
      status: 400,
      code,
    });
  });

  it('are refused by the route and coerced by PostgREST as text', async () => {
    const { id } = await mintKey(user);
    const rotation = calls.rotate(user, id, { graceSeconds: '5' });
    await expectProblem(await rotation.route(), 400, 'invalid_request');
    expect(await rotation.rpc()).toMatchObject({ status: 200, error: null });
  });

  it.each(['x', '1.5', ''])('are 400 over HTTP and RPC as a limit of %j', async (limit) => {
    await expectRefusals(calls.list(user, { limit }), invalid, { status: 400, code: '22P02' });
  });
});

describe('unknown parameters of a list', () => {
  it('match no function in PostgREST', async () => {
    const { route, rpc } = calls.list(user, { colour: 'red' });
    await expectProblem(await route(), 400, 'invalid_request');
    const { status, error } = await rpc();
    expect({ status, code: error?.code }).toEqual({ status: 404, code: 'PGRST202' });
  });
});

describe('text that Postgres cannot hold', () => {
  it.each([
    ['a NUL', 'one\u0000two', '22P05'],
    ['half of a surrogate pair', 'one\ud800two', 'PGRST102'],
  ])('is 400 over HTTP and RPC in a label: %s', async (_, label, code) => {
    await expectRefusals(calls.mint(user, { label }), invalid, { status: 400, code });
  });

  it.each([
    ['a NUL', '192.0.2.1\u0000', '22P05'],
    ['half of a surrogate pair', '\ud800', 'PGRST102'],
  ])('is 400 over HTTP and RPC in an address range: %s', async (_, range, code) => {
    const { id } = await mintKey(user);
    const ways = calls.update(user, id, { allowedIps: [range] });
    await expectRefusals(ways, invalid, { status: 400, code });
  });

  it('is an unknown key to the route, and 400 to PostgREST', async () => {
    await expectRefusals(
      calls.rotate(user, 'avp_live_\u0000'),
      { status: 404, code: 'not_found' },
      { status: 400, code: '22P05' },
    );
  });
});

describe('wrong arguments of rotate', () => {
  it.each<[string, Record<string, unknown>]>([
    ['one too many', { id: 'avp_live_000000000000', grace: 5 }],
    ['none', {}],
  ])('match no function in PostgREST: %s', async (_, args) => {
    const { status, error } = await user.supabase.rpc('rotate_proxy_key', args as { id: string });
    expect({ status, code: error?.code }).toEqual({ status: 404, code: 'PGRST202' });
  });

  it('are fields that the route refuses', async () => {
    const response = await user.request('POST', '/api/v1/proxy/keys/avp_live_0/rotate', {
      grace: 5,
    });
    await expectProblem(response, 400, 'invalid_request');
  });
});

describe.each(Object.entries({ ...everything, ...everyCallOfWebhooks }))('%s', (_, ask) => {
  // one key is enough, as everything is refused
  it('is not granted to the anonymous role', async () => {
    await expectRefusals(ask(anonymous, id), unauthorized, { status: 401, code: '42501' });
  });

  it('is not granted to the service role', async () => {
    const service = { ...callerWith(secretKey), supabase: createSupabase(secretKey) };
    await expectRefusals(ask(service, id), unauthorized, { status: 403, code: '42501' });
  });

  it('is refused to an expired token', async () => {
    const claims = decodeJwt(user.token);
    const expired = await signToken({ ...claims, exp: Math.floor(Date.now() / 1000) - 3_600 });
    const ways = ask(callerWith(expired), id);
    const code = await byVersion({ 12: 'PGRST301', 13: 'PGRST303' });
    await expectRefusals(ways, unauthorized, { status: 401, code });
  });
});
