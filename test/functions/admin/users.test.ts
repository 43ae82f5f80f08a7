import { randomUUID } from 'node:crypto';
import type { TransactionSql } from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askBy, expectSameRefusal } from '../../support/both-ways.ts';
import { calls } from '../../support/calls.ts';
import { mintKey } from '../../support/key-scenes.ts';
import { connectOwner, newAdmin, newUser, type Persona } from '../../support/personas.ts';
import { insertUsage } from '../../support/usage-scenes.ts';

const sql = connectOwner();
/** More than other tests use. */
const much = 2 ** 50;
let admin: Persona;
let users: Persona[];

beforeAll(async () => {
  admin = await newAdmin();
  users = await Promise.all([newUser(), newUser(), newUser()]);
  for (const [n, user] of users.entries()) {
    const live = await mintKey(user);
    const test = await mintKey(user, { liveMode: false, tier: 'team' });
    // alternating, so that neither the first user nor live usage alone decides the order
    const at = new Date();
    await insertUsage(sql, live.id, at, { requests: 1, bytesSent: much, bytesReceived: n });
    await insertUsage(sql, test.id, at, { requests: 1, bytesSent: n * much, bytesReceived: 0 });
  }
});
afterAll(async () => {
  // otherwise they would come first in all other tests
  await sql`delete from proxy_private.proxy_user_monthly where user_id = any(${users.map(({ id }) => id)})`;
  await sql.end();
});

const bytesOf = (n: number) => (n + 1) * much + n;

/** The cursor just before these users, after users of tests that reach the limits. */
function beforeAllOfThem(): string {
  const place = Buffer.alloc(24, 0xff);
  place.writeBigInt64BE(BigInt(bytesOf(2)));
  return place.toString('base64url');
}

describe.each(Object.entries(askBy))('an admin, by %s,', (_, ask) => {
  it('reads the users by their total usage of this month, highest first', async () => {
    const { items } = await ask(calls.users(admin, { limit: 3, cursor: beforeAllOfThem() }));
    expect(items.map(({ userId, usedBytes }) => [userId, usedBytes])).toEqual(
      [2, 1, 0].map((n) => [users[n]?.id, bytesOf(n)]),
    );
    const { email } = users[2] as Persona;
    expect(items[0]).toMatchObject({ email, removed: false, barredUntil: null });
    expect(items[0]?.tiers).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ tier: 'developer', keys: 1, usedBytes: much + 2 }),
        expect.objectContaining({
          tier: 'team',
          keys: 1,
          test: expect.objectContaining({ usedBytes: 2 * much }),
        }),
      ]),
    );
  });

  it('reads them page by page', async () => {
    const first = await ask(calls.users(admin, { limit: 2, cursor: beforeAllOfThem() }));
    const second = await ask(calls.users(admin, { limit: 1, cursor: first.cursor }));
    expect([...first.items, ...second.items].map(({ userId }) => userId)).toEqual(
      [2, 1, 0].map((n) => users[n]?.id),
    );
  });

  it('reads a single user by id or address, whatever their usage', async () => {
    const idle = await newUser();
    for (const user of [idle.id, idle.email, idle.email.toUpperCase()]) {
      const { items, cursor } = await ask(calls.users(admin, { user }));
      expect(items).toEqual([expect.objectContaining({ userId: idle.id, usedBytes: 0 })]);
      expect(cursor).toBeNull();
    }
    for (const user of [randomUUID(), 'nobody@example.com', '%']) {
      expect((await ask(calls.users(admin, { user }))).items).toEqual([]);
    }
  });
});

it('a user who is not an admin is refused', async () => {
  await expectSameRefusal(calls.users(users[0] as Persona), 403, 'forbidden');
});

it.each([
  ['a limit of 0', { limit: 0 }, 'limit'],
  ['an invalid cursor', { cursor: 'nonsense' }, 'cursor'],
  ['a cursor out of range', { cursor: '_'.repeat(32) }, 'cursor'],
])('%s is refused', async (_, query, field) => {
  await expectSameRefusal(calls.users(admin, query), 400, 'invalid_request', field);
});

it('a page is read through an index, however many users exist', async () => {
  const plan = await sql
    .begin(async (transaction) => {
      await transaction`
      insert into proxy_private.proxy_user_monthly (user_id, month, bytes)
      select gen_random_uuid(), date_trunc('month', now() at time zone 'UTC')::date, n
      from generate_series(1, 20000) as n`;
      await transaction`select set_config('request.jwt.claims', ${JSON.stringify({
        sub: admin.id,
        role: 'authenticated',
        app_metadata: { role: 'admin' },
        exp: Math.floor(Date.now() / 1_000) + 60,
      })}, true)`;
      const before = await fetched(transaction);
      await transaction`select public.list_proxy_users(50)`;
      const rows = (await fetched(transaction)) - before;
      throw Object.assign(new Error('undone'), { rows });
    })
    .catch((error: { rows: number }) => error.rows);
  expect(plan).toBeLessThan(200);
});

/** How many rows of the table this transaction has read. */
async function fetched(transaction: TransactionSql): Promise<number> {
  const [row] = await transaction<{ rows: number }[]>`
    select (pg_stat_get_xact_tuples_returned(c.oid) + pg_stat_get_xact_tuples_fetched(c.oid))::float8 as rows
    from pg_class as c where c.oid = 'proxy_private.proxy_user_monthly'::regclass`;
  return row?.rows ?? 0;
}
