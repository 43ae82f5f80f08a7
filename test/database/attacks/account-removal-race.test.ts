import { afterAll, describe, expect, inject, it } from 'vitest';
import { type Connection, connectAlone, untilBlocked } from '../../support/connect-alone.ts';
import { connectOwner, newAdmin, newUser, type Persona } from '../../support/personas.ts';
import { seedKey } from '../../support/seeded-keys.ts';

const stack = inject('stack');
const sql = connectOwner();
afterAll(() => sql.end());

/** The SQL of each write by `by` on `id`; each locks rows that a removal locks too. */
const writes: Record<string, (db: Connection, id: string, owner: Persona) => PromiseLike<unknown>> =
  {
    'a mint': (db) => db`select from public.mint_proxy_key('raced')`,
    'a mint under an idempotency key': (db) =>
      db`select from public.mint_proxy_key('raced', idempotency_key => 'once')`,
    'a first rotation': (db, id) => db`select from public.rotate_proxy_key(${id})`,
    'a first update': (db, id) =>
      db`select from public.update_proxy_key(${id}, '{"label": "raced"}')`,
    'a deletion': (db, id) => db`select from public.delete_proxy_key(${id})`,
  };
const adminWrites: typeof writes = {
  'a suspension': (db, id) => db`select from public.suspend_proxy_key(${id}, 'Abuse.')`,
  'a reactivation': (db, id) => db`select from public.reactivate_proxy_key(${id})`,
  'a limit': (db, id) =>
    db`select from public.set_proxy_key_limits(${id}, 'Paid.', '{"rate_limit": 1}')`,
  'a grant': (db, _, owner) =>
    db`select from public.grant_proxy_tier(${owner.id}, 'team', 'Paid.')`,
};

async function scene(by: Persona, owner: Persona, deleted: boolean) {
  const key = await seedKey(sql, owner.id, { deleted });
  const [remover, writer] = await Promise.all([
    connectAlone(stack.dbUrl),
    connectAlone(stack.dbUrl),
  ]);
  await Promise.all([remover`begin`, writer`begin`]);
  const admin = by !== owner;
  const claims = { sub: by.id, ...(admin ? { app_metadata: { role: 'admin' } } : {}) };
  await writer`
    select set_config('request.jwt.claims', ${JSON.stringify(claims)}, true),
      set_config('role', 'authenticated', true)`;
  const remove = () => remover`delete from auth.users where id = ${owner.id}`.execute();
  return { key, remover, writer, remove };
}

const outcome = (write: PromiseLike<unknown>) =>
  Promise.resolve(write).then(
    () => 'done',
    (error: { code: string; hint: string }) => `${error.code} ${error.hint}`,
  );

describe.each([
  ...Object.entries(writes).map(([name, write]) => [name, write, false] as const),
  ...Object.entries(adminWrites).map(([name, write]) => [name, write, true] as const),
])('%s and the removal of the account at the same moment', (name, write, byAdmin) => {
  const people = async () => {
    const owner = await newUser();
    return { owner, by: byAdmin ? await newAdmin() : owner };
  };
  const deleted = name === 'a reactivation';

  it('if the removal is first, the write is refused and changes nothing', async () => {
    const { owner, by } = await people();
    const { key, remover, writer, remove } = await scene(by, owner, deleted);
    await remove();
    const written = outcome(write(writer, key.id, owner));
    await untilBlocked(sql, writer.pid, [remover.pid]);
    await remover`commit`;
    const refusals: Record<string, string> = {
      'a suspension': 'PT409 key_deleted',
      'a reactivation': 'PT409 key_deleted',
      'a limit': 'PT409 key_deleted',
      'a grant': 'PT404 user_not_found',
    };
    expect(await written).toBe(refusals[name] ?? 'PT401 unauthorized');
  });

  it('if the write is first, it succeeds and its result is then removed', async () => {
    const { owner, by } = await people();
    const { key, remover, writer, remove } = await scene(by, owner, deleted);
    expect(await outcome(write(writer, key.id, owner))).toBe('done');
    const removed = remove();
    await untilBlocked(sql, remover.pid, [writer.pid]);
    await writer`commit`;
    expect((await removed).count).toBe(1);
    await remover`commit`;
    const [left] = await sql`
      select count(*) filter (where user_id is not null or deleted_at is null)::integer as "inService"
      from proxy_private.proxy_keys where id = ${key.id}`;
    expect(left).toEqual({ inService: 0 });
  });
});

it.each(['mint', 'rotate'] as const)(
  'over HTTP, a %s during a removal either succeeds or is refused with 401, never 500',
  async (kind) => {
    for (let round = 0; round < 8; round += 1) {
      const user = await newUser();
      const key = await seedKey(sql, user.id);
      const ask = () =>
        kind === 'mint'
          ? user.request('POST', '/api/v1/proxy/keys', { label: 'raced' })
          : user.request('POST', `/api/v1/proxy/keys/${key.id}/rotate`);
      const [, ...answers] = await Promise.all([
        sql`delete from auth.users where id = ${user.id}`,
        ...Array.from({ length: 4 }, ask),
      ]);
      for (const { status } of answers) expect([200, 201, 401]).toContain(status);
    }
  },
);
