import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, askBy, expectSameRefusal } from '../../support/both-ways.ts';
import { calls, type Fields } from '../../support/calls.ts';
import { expectAnswer, foundGrantsAnswer } from '../../support/contract.ts';
import { connectOwner, newAdmin, newUser, type Persona } from '../../support/personas.ts';

const sql = connectOwner();
const reason = 'Signed the contract.';
let admin: Persona;
let one: Persona;
let two: Persona;

beforeAll(async () => {
  [admin, one, two] = await Promise.all([newAdmin(), newUser(), newUser()]);
  await askBy.rpc(calls.grant(admin, { user: one.id, tier: 'enterprise', reason }));
  await askBy.rpc(calls.grant(admin, { user: one.id, tier: 'team', reason }));
  await askBy.rpc(calls.grant(admin, { user: two.id, tier: 'enterprise', reason }));
});
afterAll(() => sql.end());

describe.each(Object.entries(askBy))('an admin, by %s,', (_, ask) => {
  /** The user and tier of each grant of this file that a query finds, newest first. */
  async function list(query: Fields): Promise<string[]> {
    const { status, items } = await ask(calls.findGrants(admin, { limit: 200, ...query }));
    expect(status).toBe(200);
    return items
      .filter(({ userId }) => userId === one.id || userId === two.id)
      .map(({ userId, tier }) => `${userId === one.id ? 'one' : 'two'}: ${tier}`);
  }

  it('reads the grants of all users with their addresses, newest first', async () => {
    expect(await list({})).toEqual(['two: enterprise', 'one: team', 'one: enterprise']);
    const { items } = await ask(calls.findGrants(admin, { user: two.id }));
    expect(items).toMatchObject([
      {
        userId: two.id,
        email: two.email,
        tier: 'enterprise',
        grantedAt: expect.any(String),
        grantedBy: admin.id,
        reason,
      },
    ]);
  });

  it.each<[string, () => Fields, string[]]>([
    ['a user id', () => ({ user: one.id }), ['one: team', 'one: enterprise']],
    ['an address', () => ({ user: one.email }), ['one: team', 'one: enterprise']],
    ['an address in another case', () => ({ user: two.email.toUpperCase() }), ['two: enterprise']],
    ['a tier', () => ({ tier: 'enterprise' }), ['two: enterprise', 'one: enterprise']],
    ['both', () => ({ user: one.email, tier: 'team' }), ['one: team']],
    ['a user without such a grant', () => ({ user: two.id, tier: 'team' }), []],
    ['an unknown user', () => ({ user: randomUUID() }), []],
    ['an unknown address', () => ({ user: 'nobody@example.com' }), []],
    ['a wildcard', () => ({ user: '%' }), []],
  ])('finds by %s', async (_, query, found) => {
    expect(await list(query())).toEqual(found);
  });

  it.each<[string, Fields, string]>([
    ['an unknown tier', { tier: 'gold' }, 'tier'],
    ['a limit of 0', { limit: 0 }, 'limit'],
    ['a limit of 201', { limit: 201 }, 'limit'],
    ['an invalid cursor', { cursor: 'x' }, 'cursor'],
  ])('is refused %s, and the answer names the parameter', async (_, query, field) => {
    expect(await ask(calls.findGrants(admin, query))).toMatchObject({
      status: 400,
      code: 'invalid_request',
      field,
    });
  });

  it('reads the original grants page by page while grants are added and revoked', async () => {
    const tier = `paged_${randomUUID().slice(0, 8)}`;
    await sql`
      insert into public.proxy_tiers (
        tier, bandwidth_limit_bytes, rate_limit, tunnel_limit, account_limit_bytes,
        test_limit_bytes, self_serve
      ) values (${tier}, 1, 1, 1, 1, 1, false)`;
    const users = await sql<{ id: string }[]>`
      insert into auth.users (id, email)
      select id, id || '@example.com' from (select gen_random_uuid() as id from generate_series(1, 5))
      returning id`;
    // at the same time: the id decides the order
    await sql`
      insert into proxy_private.proxy_tier_grants (user_id, tier, granted_at)
      select u, ${tier}, '2026-01-01T00:00:00Z'
      from unnest(${users.map(({ id }) => id)}::uuid[]) as u`;
    const seen: unknown[] = [];
    let cursor: string | null = null;
    do {
      const page: Answer = await ask(
        calls.findGrants(admin, {
          tier,
          limit: 2,
          ...(cursor === null ? {} : { cursor }),
        }),
      );
      seen.push(...page.items.map(({ userId }) => userId));
      cursor = page.cursor;
      expect(
        (await ask(calls.grant(admin, { user: (await newUser()).id, tier, reason }))).status,
      ).toBe(200);
      await ask(calls.revoke(admin, { user: String(seen[0]), tier, reason }));
    } while (cursor !== null);
    expect(seen).toHaveLength(5);
    expect(new Set(seen)).toEqual(new Set(users.map(({ id }) => id)));
    await sql`delete from proxy_private.proxy_tier_grants where tier = ${tier}`;
    await sql`delete from auth.users where id = any(${users.map(({ id }) => id)})`;
    await sql`delete from public.proxy_tiers where tier = ${tier}`;
  });
});

it('a user who is not an admin is refused, even for their own grants', async () => {
  for (const query of [{}, { user: one.id }, { user: two.email }]) {
    await expectSameRefusal(calls.findGrants(one, query), 403, 'forbidden');
  }
});

it('over HTTP, the Link to the next page keeps the filters', async () => {
  const first = await admin.request('GET', `/admin/proxy/grants?user=${one.id}&limit=1`);
  expect(await expectAnswer(first, 200, foundGrantsAnswer)).toMatchObject([{ tier: 'team' }]);
  const [, search] = /^<(\?.*)>; rel="next"$/.exec(first.headers.get('Link') ?? '') ?? [];
  expect(search).toContain(`user=${one.id}`);
  const second = await admin.request('GET', `/admin/proxy/grants${search}`);
  expect(await expectAnswer(second, 200, foundGrantsAnswer)).toMatchObject([
    { tier: 'enterprise' },
  ]);
  expect(second.headers.has('Link')).toBe(false);
});
