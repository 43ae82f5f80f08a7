import { createHash } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { askBy } from '../../support/both-ways.ts';
import { calls } from '../../support/calls.ts';
import { expectProblem, type MintedKey } from '../../support/contract.ts';
import { getKey, mintKey } from '../../support/key-scenes.ts';
import { connectGateway, connectOwner, newUser, type Persona } from '../../support/personas.ts';

const sql = connectOwner();
const gateway = connectGateway();
let owner: Persona;
let key: MintedKey;

beforeEach(async () => {
  owner = await newUser();
  key = await mintKey(owner);
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const hashOf = (secret: unknown) =>
  createHash('sha256').update(`${key.keyId}:${secret}`).digest('hex');

/** The hashes of the secrets that a gateway accepts, and how long it accepts the previous one. */
async function lookUp() {
  const [row] = await gateway<{ now: string; before: string | null; ms: string | null }[]>`
    select
      encode(secret_hash, 'hex') as now, encode(previous_hash, 'hex') as before,
      previous_ends_in_ms as ms
    from gateway.lookup_proxy_key(${key.keyId})`;
  if (!row) throw new Error('the key was not found');
  return row;
}

describe.each(Object.entries(askBy))('an owner who rotates with a grace period by %s', (_, ask) => {
  const rotate = async (fields?: { graceSeconds: number }) => {
    const { code, data } = await ask(calls.rotate(owner, key.id, fields));
    expect(code).toBeNull();
    return data ?? {};
  };

  it('can use both secrets until it ends', async () => {
    const { secret, rotatedAt } = await rotate({ graceSeconds: 30 });
    const found = await lookUp();
    expect(found).toMatchObject({ now: hashOf(secret), before: hashOf(key.secret) });
    expect(Number(found.ms)).toBeGreaterThan(0);
    expect(Number(found.ms)).toBeLessThanOrEqual(30_000);
    const { graceEndsAt } = await getKey(owner, key.id);
    expect(Date.parse(graceEndsAt ?? '') - Date.parse(String(rotatedAt))).toBe(30_000);
  });

  it.each([1, 7, 29, 30])(
    'gets a grace period of exactly %s s on request',
    async (graceSeconds) => {
      await rotate({ graceSeconds });
      const [row] = await sql`
      select
        extract(epoch from k.grace_ends_at - k.rotated_at)::float as seconds,
        encode(s.previous_hash, 'hex') as before
      from proxy_private.proxy_keys as k join proxy_private.proxy_key_secrets as s on s.api_key_id = k.id
      where k.id = ${key.id}`;
      expect(row).toEqual({ seconds: graceSeconds, before: hashOf(key.secret) });
    },
  );

  it.each([[undefined], [{ graceSeconds: 0 }]])('gets no grace period with %j', async (fields) => {
    const { secret } = await rotate(fields);
    expect(await lookUp()).toEqual({ now: hashOf(secret), before: null, ms: null });
    expect(await getKey(owner, key.id)).toMatchObject({ graceEndsAt: null });
  });

  it.each([[undefined], [{ graceSeconds: 0 }]])(
    'ends the grace period with a rotation with %j',
    async (fields) => {
      await rotate({ graceSeconds: 30 });
      const { secret } = await rotate(fields);
      expect(await lookUp()).toEqual({ now: hashOf(secret), before: null, ms: null });
      const [row] = await sql`
      select previous_hash from proxy_private.proxy_key_secrets where api_key_id = ${key.id}`;
      expect(row).toEqual({ previous_hash: null });
    },
  );

  it('replaces it with another rotation, whose grace period is for the second secret', async () => {
    const { secret: second } = await rotate({ graceSeconds: 30 });
    const { secret: third } = await rotate({ graceSeconds: 20 });
    const found = await lookUp();
    expect(found).toMatchObject({ now: hashOf(third), before: hashOf(second) });
    expect(Number(found.ms)).toBeLessThanOrEqual(20_000);
  });

  it('ends it by deleting the key', async () => {
    await rotate({ graceSeconds: 30 });
    await ask(calls.delete(owner, key.id));
    expect(await lookUp()).toMatchObject({ before: null, ms: null });
    expect(await getKey(owner, key.id)).toMatchObject({ graceEndsAt: null, active: false });
  });

  it.each([-1, 31, 1_000_000, null])(
    'is refused a grace period of %s s, and keeps the secret',
    async (graceSeconds) => {
      expect(await ask(calls.rotate(owner, key.id, { graceSeconds }))).toMatchObject({
        status: 400,
        code: 'invalid_request',
        field: 'graceSeconds',
      });
      expect(await lookUp()).toEqual({ now: hashOf(key.secret), before: null, ms: null });
      expect(await getKey(owner, key.id)).toMatchObject({ rotatedAt: null });
    },
  );

  it('uses one of 5 rotations in 60 seconds', async () => {
    for (let n = 0; n < 5; n += 1) await rotate({ graceSeconds: n });
    expect(await ask(calls.rotate(owner, key.id, { graceSeconds: 5 }))).toMatchObject({
      status: 429,
      code: 'rate_limited',
    });
  });
});

describe('the route', () => {
  it.each([1.5, 2 ** 31, '5', true, [5], {}])(
    'refuses a grace period of %j and names the field',
    async (graceSeconds) => {
      const response = await owner.request('POST', `/api/v1/proxy/keys/${key.id}/rotate`, {
        graceSeconds,
      });
      const { errors } = await expectProblem(response, 400, 'invalid_request');
      expect(errors).toMatchObject([{ path: 'graceSeconds' }]);
      expect(await getKey(owner, key.id)).toMatchObject({ rotatedAt: null });
    },
  );

  it('answers in the same form as without a grace period, and does not repeat the previous secret', async () => {
    const { data, response } = await owner.api.POST('/api/v1/proxy/keys/{id}/rotate', {
      params: { path: { id: key.id } },
      body: { graceSeconds: 30 },
    });
    expect(response.headers.has('RateLimit')).toBe(true);
    expect(Object.keys(data?.key ?? {}).sort()).toEqual(Object.keys(key).sort());
    expect(JSON.stringify(data)).not.toContain(key.secret);
  });
});
