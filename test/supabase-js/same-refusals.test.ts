import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { expectSameRefusal } from '../support/both-ways.ts';
import { callerWith, calls, everything, ofAdmins, ofOwners } from '../support/calls.ts';
import { insertKeys, mintKey } from '../support/key-scenes.ts';
import { connectOwner, newAdmin, newUser, type Persona, signToken } from '../support/personas.ts';
import { everyCallOfWebhooks } from '../support/webhook-calls.ts';
import { ageWrites, countRotations, secondsUntilRotation } from '../support/write-windows.ts';

const { restUrl, publishableKey } = inject('stack');
const sql = connectOwner();
let owner: Persona;
let other: Persona;
let admin: Persona;

beforeAll(async () => {
  [owner, other, admin] = await Promise.all([newUser(), newUser(), newAdmin()]);
});

afterAll(() => sql.end());

describe('mint', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['no label', {}, 'label'],
    ['a null label', { label: null }, 'label'],
    ['a label of 0 characters', { label: '' }, 'label'],
    ['a label of only spaces', { label: ' \t\n\u00a0\u3000' }, 'label'],
    ['a label of 81 characters', { label: 'x'.repeat(81) }, 'label'],
    ['a label of 81 characters outside the basic plane', { label: '🔑'.repeat(81) }, 'label'],
    ['a label with a line break', { label: 'one\ntwo' }, 'label'],
    ['a label with a DEL', { label: 'one\u007ftwo' }, 'label'],
    ['a label with a C1 control', { label: 'one\u0085two' }, 'label'],
    ['an unknown tier', { label: 'x', tier: 'gold' }, 'tier'],
    ['a tier in another case', { label: 'x', tier: 'Developer' }, 'tier'],
    ['an empty tier', { label: 'x', tier: '' }, 'tier'],
    ['a null tier', { label: 'x', tier: null }, 'tier'],
    ['an unknown field', { label: 'x', colour: 'red' }, 'colour'],
    ["an owner of the caller's choice", { label: 'x', user_id: randomUUID() }, 'user_id'],
    ['a null mode', { label: 'x', liveMode: null }, 'liveMode'],
  ])('is refused with %s, and the answer names the field', async (_, body, field) => {
    await expectSameRefusal(calls.mint(owner, body), 400, 'invalid_request', field);
  });

  it('is refused with only an unknown field, naming one or both faults', async () => {
    const ways = calls.mint(owner, { colour: 'red' });
    const { problem, details } = await expectSameRefusal(ways, 400, 'invalid_request');
    expect(problem.errors?.map(({ path }) => path).sort()).toEqual(['colour', 'label']);
    expect(details).toBe('colour');
  });

  it('is refused with a snake_case field over HTTP, and with a camelCase one over RPC', async () => {
    const { route } = calls.mint(owner, { label: 'x', live_mode: true });
    const args = { label: 'x', liveMode: true };
    const rpc = () => owner.supabase.rpc('mint_proxy_key', args);
    await expectSameRefusal({ route, rpc }, 400, 'invalid_request');
  });

  it('is refused for a tier that is not granted', async () => {
    const ways = calls.mint(owner, { label: 'x', tier: 'enterprise' });
    await expectSameRefusal(ways, 403, 'tier_not_granted');
  });
});

describe.each(Object.entries({ ...ofOwners, ...ofAdmins }))('%s', (name, ask) => {
  it.each<[string, () => Promise<string> | string]>([
    ['an unknown id', randomUUID],
    ['an unknown keyId', () => 'avp_live_000000000000'],
    ['text that is not an id', () => "' or true --"],
    ['a space', () => ' '],
    ['a wildcard', () => '*'],
  ])('is refused for %s', async (_, id) => {
    const by = Object.hasOwn(ofAdmins, name) ? admin : owner;
    await expectSameRefusal(ask(by, await id()), 404, 'not_found');
  });
});

describe.each(Object.entries(ofOwners))('%s', (_, ask) => {
  it("is refused for another user's key by its id and keyId, also for an admin", async () => {
    const { id, keyId } = await mintKey(other);
    for (const by of [owner, admin]) {
      await expectSameRefusal(ask(by, id), 404, 'not_found');
      await expectSameRefusal(ask(by, keyId), 404, 'not_found');
    }
  });
});

describe('rotate', () => {
  it('is refused over the limit, with the seconds to wait', async () => {
    const user = await newUser();
    const { id } = await mintKey(user);
    await countRotations(sql, user.id, 5);
    await ageWrites(sql, user.id, 30);
    const secondsLeft = () => secondsUntilRotation(sql, user.id);
    const most = await secondsLeft();
    const ways = calls.rotate(user, id);
    const { response, details } = await expectSameRefusal(ways, 429, 'rate_limited');
    const rest = await fetch(`${restUrl}/rpc/rotate_proxy_key`, {
      method: 'POST',
      headers: {
        apikey: publishableKey,
        Authorization: `Bearer ${user.token}`,
        'Content-Type': 'application/json',
      },
      body: JSON.stringify({ id }),
    });
    const least = await secondsLeft();
    const waits = [response.headers.get('Retry-After'), details, rest.headers.get('Retry-After')];
    for (const seconds of waits.map(Number)) {
      expect(seconds).toBeLessThanOrEqual(most);
      expect(seconds).toBeGreaterThanOrEqual(least);
    }
  });
});

describe('reactivate', () => {
  it('is refused for a user, for their own key and for others', async () => {
    const [mine, theirs] = [await mintKey(owner), await mintKey(other)];
    for (const id of [mine.id, theirs.keyId, randomUUID()]) {
      await expectSameRefusal(calls.reactivate(owner, id), 403, 'forbidden');
    }
  });

  it("is refused when the owner's tier is full", async () => {
    const full = await newUser();
    const [key] = await insertKeys(sql, full.id, { count: 1, deleted: true });
    await insertKeys(sql, full.id, { count: 100 });
    const ways = calls.reactivate(admin, key?.id ?? '');
    await expectSameRefusal(ways, 409, 'key_limit_reached');
  });
});

describe.each(Object.entries({ ...everything, ...everyCallOfWebhooks }))('%s', (_, ask) => {
  it('is refused for a token without a sub, and for one whose sub is not a uuid', async () => {
    const { id } = await mintKey(other);
    const { sub, ...claims } = decodeJwt(other.token);
    for (const token of [
      await signToken(claims),
      await signToken({ ...claims, sub: 'somebody' }),
    ]) {
      await expectSameRefusal(ask(callerWith(token), id), 401, 'unauthorized');
    }
  });
});
