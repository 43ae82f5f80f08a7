import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, askBy, keyOf } from '../support/both-ways.ts';
import { calls } from '../support/calls.ts';
import { connectOwner, newAdmin, newUser, type Persona } from '../support/personas.ts';
import { seedKeys } from '../support/seeded-keys.ts';

const sql = connectOwner();
afterAll(() => sql.end());

function mintAtOnce(user: Persona, count: number): Promise<Answer[]> {
  return Promise.all(
    Array.from({ length: count }, (_, n) =>
      (n % 2 ? askBy.rpc : askBy.route)(calls.mint(user, { label: `key ${n}` })),
    ),
  );
}

async function countKeys(user: Persona, tier = 'developer'): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::integer from proxy_private.proxy_keys
    where user_id = ${user.id} and tier = ${tier} and deleted_at is null`;
  return row?.count ?? 0;
}

const keysOf = (answers: Answer[]) => answers.filter(({ code }) => code === null).map(keyOf);

describe('300 concurrent mints by route and RPC, for a user with 60 keys', () => {
  let owner: Persona;
  let answers: Answer[];

  beforeAll(async () => {
    owner = await newUser();
    // so few free places that the keys run out before the mints per minute
    await seedKeys(sql, owner.id, 60);
    answers = await mintAtOnce(owner, 300);
  });

  it('exactly 40 succeed and 260 reach the key limit', async () => {
    const refused = answers.filter(({ status }) => status !== 200 && status !== 201);
    expect(keysOf(answers)).toHaveLength(40);
    expect(refused).toHaveLength(260);
    expect(new Set(refused.map(({ status, code }) => `${status} ${code}`))).toEqual(
      new Set(['409 key_limit_reached']),
    );
    expect(await countKeys(owner)).toBe(100);
  });

  it('routes and RPCs both enforce the limit', () => {
    const codes = (way: number) =>
      new Set(
        answers
          .filter(({ code }, n) => code !== null && n % 2 === way)
          .map(({ sqlState }) => sqlState),
      );
    expect(codes(0)).toEqual(new Set([null]));
    expect(codes(1)).toEqual(new Set(['PT409']));
  });

  it('deleting one key frees one place', async () => {
    const [key] = keysOf(answers);
    expect((await askBy.route(calls.delete(owner, key?.id ?? ''))).status).toBe(204);
    expect(keysOf(await mintAtOnce(owner, 6))).toHaveLength(1);
    expect(await countKeys(owner)).toBe(100);
  });

  it('a suspended key still counts, and can be reactivated when the limit is reached', async () => {
    const admin = await newAdmin();
    const key = keysOf(answers)[1];
    await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${key?.id ?? ''}`;
    expect(keysOf(await mintAtOnce(owner, 2))).toHaveLength(0);
    expect((await askBy.route(calls.reactivate(admin, key?.id ?? ''))).status).toBe(200);
    expect(await countKeys(owner)).toBe(100);
  });

  it('another tier and another user have their own limits', async () => {
    const other = await newUser();
    const answer = await askBy.route(calls.mint(owner, { label: 'a team key', tier: 'team' }));
    expect(answer.status).toBe(201);
    expect(await countKeys(owner, 'team')).toBe(1);
    expect((await askBy.rpc(calls.mint(other, { label: 'the first' }))).status).toBe(200);
  });
});

it.each([1, 2, 3])('mints racing with reactivations never exceed the limit, round %i', async () => {
  const admin = await newAdmin();
  const user = await newUser();
  const deleted = await seedKeys(sql, user.id, 10, { deleted: true });
  await seedKeys(sql, user.id, 97);

  const reactivate = deleted.map(({ id }, n) =>
    (n % 2 ? askBy.rpc : askBy.route)(calls.reactivate(admin, id)),
  );
  const answers = (await Promise.all([...reactivate, mintAtOnce(user, 10)])).flat();
  expect(await countKeys(user)).toBe(100);
  expect(answers.filter(({ status }) => status < 300)).toHaveLength(3);
  expect(new Set(answers.map(({ code }) => code))).toEqual(new Set([null, 'key_limit_reached']));
});
