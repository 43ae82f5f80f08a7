import { afterAll, expect, inject, it } from 'vitest';
import { listenForChanges } from '../support/announced-changes.ts';
import { connectAlone, untilBlocked } from '../support/connect-alone.ts';
import { connectGateway, connectOwner, newUser } from '../support/personas.ts';
import { seedKeys } from '../support/seeded-keys.ts';
import { asUser } from './database-role.ts';

const stack = inject('stack');
const sql = connectOwner();
const gateway = connectGateway(1);
afterAll(() => Promise.all([sql.end(), gateway.end()]));

/** Opens a connection with a transaction as the user. */
async function beginAs(userId: string) {
  const connection = await connectAlone(stack.dbUrl);
  await connection`begin`;
  await connection`
    select set_config('role', 'authenticated', true),
      set_config('request.jwt.claims', ${JSON.stringify({ sub: userId })}, true)`;
  return connection;
}

it('two changes of the same keys in opposite orders take their locks in the same order', async () => {
  const owner = await newUser();
  const ids = (await seedKeys(sql, owner.id, 20)).map(({ id }) => id).toSorted();
  const [first, second] = await Promise.all([beginAs(owner.id), beginAs(owner.id)]);
  const remove = (connection: typeof first, named: string[]) =>
    connection<{ changed: number; unchanged: number }[]>`
      select * from public.change_proxy_keys(${named}, '{"deleted": true}')`;

  expect(await remove(first, ids.slice(0, 1))).toEqual([{ changed: 1, unchanged: 0 }]);
  const waiting = remove(second, ids.toReversed()).execute();
  await untilBlocked(sql, second.pid, [first.pid]);
  // it waits for the first key, and holds no lock on the others yet
  const free = await sql`
    select id from proxy_private.proxy_keys where id in ${sql(ids)} for no key update skip locked`;
  expect(free).toHaveLength(19);
  expect(await remove(first, ids)).toEqual([{ changed: 19, unchanged: 1 }]);
  await first`commit`;
  expect(await waiting).toEqual([{ changed: 0, unchanged: 20 }]);
  await second`commit`;
});

it('many changes at once all succeed', async () => {
  const owner = await newUser();
  const ids = (await seedKeys(sql, owner.id, 50)).map(({ id }) => id);
  const change = (named: string[], ip: string) =>
    asUser(sql, owner.id, async (transaction) => {
      const [row] = await transaction<{ changed: number }[]>`
        select changed from public.change_proxy_keys(
          ${named}, ${transaction.json({ allowed_ips: [ip] })}
        )`;
      return row?.changed;
    });
  const changed = await Promise.all(
    Array.from({ length: 12 }, (_, n) =>
      change(n % 2 === 0 ? ids : ids.toReversed(), `203.0.113.${n}`),
    ),
  );
  expect(changed).toEqual(Array(12).fill(50));
});

it('gateways are notified once of each changed key, and of no other', async () => {
  const owner = await newUser();
  const keys = await seedKeys(sql, owner.id, 300);
  const announced = await listenForChanges(gateway);
  const change = (named: string[], changes: object) =>
    asUser(
      sql,
      owner.id,
      (transaction) =>
        transaction`select public.change_proxy_keys(${named}, ${transaction.json(changes as never)})`,
    );
  const [spared, ...others] = keys.map(({ keyId }) => keyId);
  await change(others, { deleted: true });
  await change(others, { deleted: true });
  await change([spared ?? ''], { allowed_ips: [] });
  const counts = await Promise.all(others.map((keyId) => announced.countOf(keyId)));
  expect(new Set(counts)).toEqual(new Set([1]));
  expect(await announced.countOf(spared ?? '')).toBe(0);
});
