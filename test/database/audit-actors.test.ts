import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { mintKey } from '../support/key-scenes.ts';
import { connectOwner, newUser } from '../support/personas.ts';

const sql = connectOwner();
afterAll(() => sql.end());

const someone = randomUUID();

describe('a change made in SQL, with or without the claims of a request', () => {
  it.each<[string, unknown, string | null]>([
    ['no claims', '', null],
    ['claims without a sub', {}, null],
    ['a null sub', { sub: null }, null],
    ['a sub of another provider', { sub: 'somebody' }, null],
    ['a numeric sub', { sub: 42 }, null],
    ['an empty sub', { sub: '' }, null],
    ['a sub', { sub: someone }, someone],
    ['an upper-case sub', { sub: someone.toUpperCase() }, someone],
  ])('is recorded in the audit log with its actor: %s', async (_, claims, actor) => {
    const user = await newUser();
    const { id } = await mintKey(user);
    const text = claims === '' ? '' : JSON.stringify(claims);
    await sql.begin(async (transaction) => {
      await transaction`select set_config('request.jwt.claims', ${text}, true)`;
      await transaction`update proxy_private.proxy_keys set label = 'changed' where id = ${id}`;
      await transaction`
        insert into proxy_private.proxy_tier_grants (user_id, tier) values (${user.id}, 'team')`;
      await transaction`delete from proxy_private.proxy_tier_grants where user_id = ${user.id}`;
    });
    const rows = await sql`
      select action, actor_id as actor from proxy_private.proxy_key_audit
      where user_id = ${user.id} order by occurred_at, id`;
    expect([...rows]).toEqual([
      { action: 'minted', actor: user.id },
      { action: 'updated', actor },
      { action: 'tier_granted', actor },
      { action: 'tier_revoked', actor },
    ]);
  });
});
