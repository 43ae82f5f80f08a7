import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askBy, expectSameRefusal } from '../../support/both-ways.ts';
import { calls } from '../../support/calls.ts';
import { expectProblem } from '../../support/contract.ts';
import { mintKey } from '../../support/key-scenes.ts';
import { connectGateway, newUser, type Persona, request } from '../../support/personas.ts';
import { recordUsage, usageEvent } from '../../support/usage-events.ts';

const gateway = connectGateway(1);
let owner: Persona;

beforeAll(async () => {
  owner = await newUser();
  await mintKey(owner);
});
afterAll(() => gateway.end());

describe('a list is refused over HTTP and RPC, and the answer names the parameter, for', () => {
  it.each<[string, string, string | number]>([
    ['a limit of 0', 'limit', 0],
    ['a limit of 201', 'limit', 201],
    ['a limit below 0', 'limit', -1],
    ['an empty cursor', 'cursor', ''],
    ['a cursor that is too short', 'cursor', 'A'.repeat(31)],
    ['a cursor that is too long', 'cursor', 'A'.repeat(33)],
    ['a cursor of the length of two', 'cursor', 'A'.repeat(64)],
    ['a huge cursor', 'cursor', 'A'.repeat(5_000)],
    ['a cursor with padding', 'cursor', `${'A'.repeat(31)}=`],
    ['a cursor of plain base64', 'cursor', `${'A'.repeat(31)}+`],
    ['a cursor with a slash', 'cursor', `${'A'.repeat(31)}/`],
    ['a cursor with a line end', 'cursor', `${'A'.repeat(31)}\n`],
    ['a cursor with a space', 'cursor', `${'A'.repeat(31)} `],
    ['a cursor of non-ASCII letters', 'cursor', 'é'.repeat(32)],
    ['a cursor of quotes', 'cursor', `' or true or '${'A'.repeat(19)}`],
    ['a cursor before 1970', 'cursor', '_'.repeat(32)],
    ['a cursor after 2100', 'cursor', 'f'.repeat(32)],
    ['a uuid as cursor', 'cursor', '01a20636-64f1-7994-a666-98acee4da6fe'],
    ['an unknown tier', 'tier', 'gold'],
    ['a tier in another case', 'tier', 'Team'],
    ['an empty tier', 'tier', ''],
  ])('%s', async (_, name, value) => {
    const ways = calls.list(owner, { [name]: value });
    await expectSameRefusal(ways, 400, 'invalid_request', name);
  });
});

describe('the route refuses and names', () => {
  it.each([
    ['limit=x', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=1e2', 'limit'],
    ['limit=', 'limit'],
    ['limit=%2B5', 'limit'],
    ['limit=%205', 'limit'],
    ['limit=0x10', 'limit'],
    ['limit=99999999999999999999', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['limit=5&limit=5', 'limit'],
    ['limit[]=5', 'limit[]'],
    ['active=TRUE', 'active'],
    ['active=1', 'active'],
    ['active=', 'active'],
    ['active', 'active'],
    ['active=true&active=false', 'active'],
    ['liveMode=no', 'liveMode'],
    ['live_mode=true', 'live_mode'],
    ['label=%00', 'label'],
    ['label=a&label=b', 'label'],
    ['cursor=%00', 'cursor'],
    ['tier=team&tier=team', 'tier'],
    ['colour=red', 'colour'],
    ['page=1', 'page'],
    ['Limit=5', 'Limit'],
    ['offset=5', 'offset'],
  ])('the parameter in ?%s', async (query, path) => {
    const response = await owner.request('GET', `/api/v1/proxy/keys?${query}`);
    const { errors } = await expectProblem(response, 400, 'invalid_request');
    expect(errors).toMatchObject([{ path }]);
  });

  it('all faulty parameters at once', async () => {
    const response = await owner.request('GET', '/api/v1/proxy/keys?limit=x&active=y&colour=red');
    const { errors } = await expectProblem(response, 400, 'invalid_request');
    expect(errors?.map(({ path }) => path).sort()).toEqual(['active', 'colour', 'limit']);
  });

  it('a missing token first, whatever the query', async () => {
    const response = await request('GET', '/api/v1/proxy/keys?limit=x');
    await expectProblem(response, 401, 'unauthorized');
  });
});

describe('a cursor from elsewhere', () => {
  it.each(Object.entries(askBy))('is a position in time, by %s', async (_, ask) => {
    // zeros are the first moment of 1970
    expect(await ask(calls.list(owner, { cursor: 'A'.repeat(32) }))).toMatchObject({
      code: null,
      items: [],
    });
  });

  it.each(Object.entries(askBy))('may come from the events of a key, by %s', async (_, ask) => {
    const user = await newUser();
    const before = await mintKey(user);
    await recordUsage(gateway, [usageEvent(before.id), usageEvent(before.id)]);
    const { data: page } = await user.supabase.rpc('list_proxy_key_events', {
      id: before.id,
      limit: 1,
    });
    const cursor = page?.next_cursor ?? '';
    expect(cursor).not.toBe('');
    await mintKey(user);
    const { code, items } = await ask(calls.list(user, { cursor }));
    expect(code).toBeNull();
    expect(items).toMatchObject([{ id: before.id }]);
  });
});
