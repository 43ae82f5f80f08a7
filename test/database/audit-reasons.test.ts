import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readReasons } from '../support/audit-rows.ts';
import { connectOwner, newAdmin, newUser, type Persona } from '../support/personas.ts';
import { type SeededKey, seedKeys } from '../support/seeded-keys.ts';
import { asRole, asUser } from './database-role.ts';

const sql = connectOwner();
let owner: Persona;
let admin: Persona;
let keys: [SeededKey, SeededKey];

beforeAll(async () => {
  [owner, admin] = await Promise.all([newUser(), newAdmin()]);
});
beforeEach(async () => {
  keys = (await seedKeys(sql, owner.id, 2)) as [SeededKey, SeededKey];
});
afterAll(() => sql.end());

/** Runs one transaction as an admin's request. */
const asAdmin = <T>(work: (transaction: postgres.TransactionSql) => Promise<T>) =>
  asRole(sql, 'authenticated', { sub: admin.id, app_metadata: { role: 'admin' } }, work);

/** The recorded actions and reasons for a user's grants. */
const grantReasons = async (userId: string) =>
  (
    await sql<{ action: string; reason: string | null }[]>`
      select action, reason from proxy_private.proxy_key_audit
      where user_id = ${userId} and tier is not null order by occurred_at, id`
  ).map(({ action, reason }) => [action, reason]);

describe('a reason does not carry over to the next change in its transaction', () => {
  const changeNext = (db: postgres.TransactionSql) => db`
    update proxy_private.proxy_keys set limit_overrides = '{"rate_limit": 1}' where id = ${keys[1].id}`;

  it.each<[string, (db: postgres.TransactionSql) => Promise<unknown>]>([
    ['a suspension', (db) => db`select public.suspend_proxy_key(${keys[0].id}, 'Why.')`],
    [
      'a suspension that changes nothing',
      async (db) => {
        await db`select public.suspend_proxy_key(${keys[0].id}, 'Why.')`;
        await db`select public.suspend_proxy_key(${keys[0].id}, 'Again.')`;
      },
    ],
    [
      'a reactivation',
      async (db) => {
        await db`select public.suspend_proxy_key(${keys[0].id}, 'Why.')`;
        await db`select public.reactivate_proxy_key(${keys[0].id}, 'Back.')`;
      },
    ],
    [
      'a change of limits',
      (db) => db`select public.set_proxy_key_limits(${keys[0].id}, 'Why.', '{"rate_limit": 1}')`,
    ],
    [
      'a repeated grant',
      async (db) => {
        await db`select public.grant_proxy_tier(${owner.id}, 'team', 'Why.')`;
        await db`select public.grant_proxy_tier(${owner.id}, 'team', 'Again.')`;
      },
    ],
    [
      'a revocation of a grant that does not exist',
      (db) => db`select public.revoke_proxy_tier(${owner.id}, 'enterprise', 'Why.')`,
    ],
    [
      'a refused call',
      async (db) => {
        const refused = db.savepoint(
          (inner) => inner`select public.suspend_proxy_key(${randomUUID()}, 'Why.')`,
        );
        await expect(refused).rejects.toMatchObject({ hint: 'not_found' });
      },
    ],
  ])('after %s', async (_, first) => {
    await asAdmin(async (transaction) => {
      await first(transaction);
      await transaction`reset role`;
      await changeNext(transaction);
    });
    expect((await readReasons(sql, keys[1].id)).at(-1)).toEqual(['limits_changed', null]);
  });

  it('from a suspension to a reactivation without a reason', async () => {
    await asAdmin(async (transaction) => {
      await transaction`select public.suspend_proxy_key(${keys[0].id}, 'Why.')`;
      await transaction`select public.reactivate_proxy_key(${keys[0].id})`;
    });
    expect(await readReasons(sql, keys[0].id)).toEqual([
      ['minted', null],
      ['suspended', 'Why.'],
      ['reactivated', null],
    ]);
  });

  it('each change has its own reason', async () => {
    const grantee = await newUser();
    await asAdmin(async (transaction) => {
      await transaction`select public.suspend_proxy_key(${keys[0].id}, 'One.')`;
      await transaction`select public.set_proxy_key_limits(${keys[1].id}, 'Two.', '{"rate_limit": 2}')`;
      await transaction`select public.grant_proxy_tier(${grantee.id}, 'enterprise', 'Three.')`;
      await transaction`select public.revoke_proxy_tier(${grantee.id}, 'enterprise', 'Four.')`;
    });
    expect((await readReasons(sql, keys[0].id)).at(-1)).toEqual(['suspended', 'One.']);
    expect((await readReasons(sql, keys[1].id)).at(-1)).toEqual(['limits_changed', 'Two.']);
    expect(await grantReasons(grantee.id)).toEqual([
      ['tier_granted', 'Three.'],
      ['tier_revoked', 'Four.'],
    ]);
  });
});

describe('a reason that is set by hand in the session', () => {
  const forge = (db: postgres.TransactionSql) =>
    db`select set_config('proxy_keys.reason', 'Forged.', true)`;

  it("is not recorded for a user's own change", async () => {
    const [mine] = keys;
    const minted = await asUser(sql, owner.id, async (transaction) => {
      await forge(transaction);
      await transaction`select public.update_proxy_key(${mine.id}, '{"label": "new"}')`;
      await transaction`select public.rotate_proxy_key(${mine.id})`;
      await transaction`select public.delete_proxy_key(${mine.id})`;
      const [row] = await transaction<{ id: string }[]>`
        select id from public.mint_proxy_key('forged')`;
      return row?.id ?? '';
    });
    expect(await readReasons(sql, mine.id)).toEqual([
      ['minted', null],
      ['updated', null],
      ['rotated', null],
      ['deleted', null],
    ]);
    expect(await readReasons(sql, minted)).toEqual([['minted', null]]);
  });

  it("does not replace an admin's reason, and is not recorded when the admin gives none", async () => {
    await asAdmin(async (transaction) => {
      await forge(transaction);
      await transaction`select public.suspend_proxy_key(${keys[0].id}, 'Mine.')`;
      await forge(transaction);
      await transaction`select public.reactivate_proxy_key(${keys[0].id})`;
    });
    expect(await readReasons(sql, keys[0].id)).toEqual([
      ['minted', null],
      ['suspended', 'Mine.'],
      ['reactivated', null],
    ]);
  });

  it("ends with its transaction and does not affect the connection's next user", async () => {
    const [key] = keys;
    const connection = await sql.reserve();
    await connection`begin`;
    await connection`select proxy_private.give_reason('Mine.')`;
    await connection`update proxy_private.proxy_keys set suspended_at = now() where id = ${key.id}`;
    await connection`commit`;
    await connection`update proxy_private.proxy_keys set suspended_at = null where id = ${key.id}`;
    connection.release();
    expect(await readReasons(sql, key.id)).toEqual([
      ['minted', null],
      ['suspended', 'Mine.'],
      ['reactivated', null],
    ]);
  });
});

describe('the function that sets reasons cannot be called by', () => {
  it.each([
    ['a user', () => owner],
    ['an admin', () => admin],
  ])('%s', async (_, who) => {
    const call = asUser(sql, who().id, (db) => db`select proxy_private.give_reason('Forged.')`);
    await expect(call).rejects.toMatchObject({ code: '42501' });
    const { status } = await who().supabase.rpc('give_reason' as never, { reason: 'x' } as never);
    expect(status).toBe(404);
  });
});
