import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import { readReasons } from '../../support/audit-rows.ts';
import { connectAlone, untilBlocked } from '../../support/connect-alone.ts';
import { insertKeys, mintKey } from '../../support/key-scenes.ts';
import { connectOwner, newAdmin, newUser, type Persona } from '../../support/personas.ts';

const { dbUrl } = inject('stack');
const sql = connectOwner();
let admins: [Persona, Persona];
let owner: Persona;

beforeAll(async () => {
  admins = await Promise.all([newAdmin(), newAdmin()]);
});
beforeEach(async () => {
  owner = await newUser();
});
afterAll(() => sql.end());

/** Opens a transaction as a request of the user. */
async function begin(by: Persona, admin: boolean) {
  const connection = await connectAlone(dbUrl);
  const claims = {
    sub: by.id,
    role: 'authenticated',
    app_metadata: admin ? { role: 'admin' } : {},
  };
  await connection`begin`;
  await connection`
    select
      set_config('request.jwt.claims', ${JSON.stringify(claims)}, true),
      set_config('role', 'authenticated', true)`;
  return connection;
}

type Ask = (connection: postgres.Sql) => Promise<unknown>;

/**
 * Runs the second request while the first is uncommitted, so that it waits for it. Returns each
 * outcome: the code of a refusal, or null.
 */
async function collide(
  [one, first]: [connection: Awaited<ReturnType<typeof begin>>, ask: Ask],
  [two, second]: [connection: Awaited<ReturnType<typeof begin>>, ask: Ask],
): Promise<(string | null)[]> {
  const codeOf = (answer: Promise<unknown>) =>
    answer.then(
      () => null,
      (error: { hint?: string }) => error.hint ?? String(error),
    );
  const firstCode = await codeOf(first(one));
  const waiting = codeOf(second(two));
  await untilBlocked(sql, two.pid, [one.pid]);
  await one`commit`;
  const secondCode = await waiting;
  await two.unsafe(secondCode === null ? 'commit' : 'rollback');
  return [firstCode, secondCode];
}

const suspend =
  (id: string, reason: string): Ask =>
  (db) =>
    db`select from public.suspend_proxy_key(${id}, ${reason})`;
const remove =
  (id: string): Ask =>
  (db) =>
    db`select from public.delete_proxy_key(${id})`;
const reactivate =
  (id: string): Ask =>
  (db) =>
    db`select from public.reactivate_proxy_key(${id}, 'Back.')`;
const mint: Ask = (db) => db`select from public.mint_proxy_key('one more')`;
const grant =
  (user: string, reason: string): Ask =>
  (db) =>
    db`select from public.grant_proxy_tier(${user}, 'enterprise', ${reason})`;
const revoke =
  (user: string): Ask =>
  (db) =>
    db`select from public.revoke_proxy_tier(${user}, 'enterprise', 'Unpaid.')`;

it('when two admins suspend a key at once, the first gives the reason, in one row', async () => {
  const { id } = await mintKey(owner);
  const connections = [await begin(admins[0], true), await begin(admins[1], true)] as const;
  expect(
    await collide(
      [connections[0], suspend(id, 'The first.')],
      [connections[1], suspend(id, 'The second.')],
    ),
  ).toEqual([null, null]);
  expect(await readReasons(sql, id)).toEqual([
    ['minted', null],
    ['suspended', 'The first.'],
  ]);
});

it('a suspension that waits for a deletion is refused', async () => {
  const { id } = await mintKey(owner);
  const [one, two] = [await begin(owner, false), await begin(admins[0], true)];
  expect(await collide([one, remove(id)], [two, suspend(id, 'Late.')])).toEqual([
    null,
    'key_deleted',
  ]);
  expect((await readReasons(sql, id)).map(([action]) => action)).toEqual(['minted', 'deleted']);
});

it('a deletion that waits for a suspension succeeds', async () => {
  const { id } = await mintKey(owner);
  const [one, two] = [await begin(admins[0], true), await begin(owner, false)];
  expect(await collide([one, suspend(id, 'Abuse.')], [two, remove(id)])).toEqual([null, null]);
  expect((await readReasons(sql, id)).map(([action]) => action)).toEqual([
    'minted',
    'suspended',
    'deleted',
  ]);
});

it('a rotation that waits for a suspension is refused', async () => {
  const { id } = await mintKey(owner);
  const [one, two] = [await begin(admins[0], true), await begin(owner, false)];
  const rotate: Ask = (db) => db`select from public.rotate_proxy_key(${id})`;
  expect(await collide([one, suspend(id, 'Abuse.')], [two, rotate])).toEqual([
    null,
    'key_suspended',
  ]);
});

it('the last free place of a tier goes to either a reactivation or a mint, not to both', async () => {
  for (const reactivationFirst of [true, false]) {
    const full = await newUser();
    await insertKeys(sql, full.id, { count: 99 });
    const [deleted] = await insertKeys(sql, full.id, { count: 1, deleted: true });
    const back = [await begin(admins[0], true), reactivate(deleted?.id ?? '')] as const;
    const more = [await begin(full, false), mint] as const;
    const [first, second] = reactivationFirst ? [back, more] : [more, back];
    expect(await collide([...first], [...second])).toEqual([null, 'key_limit_reached']);
    const [held] = await sql`
      select count(*)::integer as keys from proxy_private.proxy_keys
      where user_id = ${full.id} and deleted_at is null`;
    expect(held).toEqual({ keys: 100 });
  }
});

it('when two admins reactivate a key at once, one row is added', async () => {
  const { id } = await mintKey(owner);
  await owner.request('DELETE', `/api/v1/proxy/keys/${id}`);
  const [one, two] = [await begin(admins[0], true), await begin(admins[1], true)];
  expect(await collide([one, reactivate(id)], [two, reactivate(id)])).toEqual([null, null]);
  expect((await readReasons(sql, id)).map(([action]) => action)).toEqual([
    'minted',
    'deleted',
    'reactivated',
  ]);
});

/** The audit rows about the user's grants. */
const grantsOf = (userId: string) => sql`
  select action, actor_id, reason from proxy_private.proxy_key_audit
  where user_id = ${userId} and tier is not null order by occurred_at, id`;

it('when two admins grant a tier at once, the first gives the reason, in one row', async () => {
  const [one, two] = [await begin(admins[0], true), await begin(admins[1], true)];
  expect(
    await collide([one, grant(owner.id, 'The first.')], [two, grant(owner.email, 'The second.')]),
  ).toEqual([null, null]);
  const row = { actor_id: admins[0].id, reason: 'The first.' };
  expect(await grantsOf(owner.id)).toEqual([{ action: 'tier_granted', ...row }]);
  const grants = await sql`
    select granted_by as actor_id, reason from proxy_private.proxy_tier_grants
    where user_id = ${owner.id}`;
  expect(grants).toEqual([row]);
});

it('a grant that waits for a revocation grants the tier again', async () => {
  await sql`insert into proxy_private.proxy_tier_grants (user_id, tier) values (${owner.id}, 'enterprise')`;
  const [one, two] = [await begin(admins[0], true), await begin(admins[1], true)];
  const made: unknown[] = [];
  const regrant: Ask = async (db) => {
    made.push(
      ...(await db`
      select reason from public.grant_proxy_tier(${owner.id}, 'enterprise', 'Paid.')`),
    );
  };
  expect(await collide([one, revoke(owner.id)], [two, regrant])).toEqual([null, null]);
  expect(made).toEqual([{ reason: 'Paid.' }]);
  expect((await grantsOf(owner.id)).map(({ action, reason }) => [action, reason])).toEqual([
    ['tier_granted', null],
    ['tier_revoked', 'Unpaid.'],
    ['tier_granted', 'Paid.'],
  ]);
});

it('two revocations at once add one row', async () => {
  await sql`insert into proxy_private.proxy_tier_grants (user_id, tier) values (${owner.id}, 'enterprise')`;
  const [one, two] = [await begin(admins[0], true), await begin(admins[1], true)];
  expect(await collide([one, revoke(owner.id)], [two, revoke(owner.id)])).toEqual([null, null]);
  expect((await grantsOf(owner.id)).map(({ action }) => action)).toEqual([
    'tier_granted',
    'tier_revoked',
  ]);
});

it('concurrent routes suspend, limit and reactivate without a failure', async () => {
  const { id } = await mintKey(owner);
  const reason = `Race ${randomUUID()}`;
  const answers = await Promise.all(
    Array.from({ length: 24 }, (_, n) => {
      const admin = admins[n % 2] as Persona;
      const path = `/admin/proxy/keys/${id}`;
      if (n % 3 === 0) return admin.request('POST', `${path}/suspend`, { reason });
      if (n % 3 === 1) return admin.request('POST', `${path}/reactivate`, { reason });
      const limits = { bandwidthLimitBytes: n, rateLimit: n + 1, tunnelLimit: null, reason };
      return admin.request('PATCH', `${path}/limits`, limits);
    }),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const history = await readReasons(sql, id);
  const turns = history.map(([action]) => action).filter((a) => /suspended|reactivated/.test(a));
  expect(turns.every((action, n) => action === (n % 2 ? 'reactivated' : 'suspended'))).toBe(true);
  expect(new Set(history.slice(1).map(([, why]) => why))).toEqual(new Set([reason]));
});
