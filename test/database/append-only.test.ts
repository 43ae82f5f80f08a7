import { afterAll, beforeAll, expect, it } from 'vitest';
import { readAudit } from '../support/audit-rows.ts';
import { connectOwner, newUser } from '../support/personas.ts';
import { type SeededKey, seedKey } from '../support/seeded-keys.ts';

const sql = connectOwner();
let key: SeededKey;

beforeAll(async () => {
  const { id } = await newUser();
  key = await seedKey(sql, id);
  await sql`insert into proxy_private.proxy_tier_grants (user_id, tier) values (${id}, 'enterprise')`;
});
afterAll(() => sql.end());

/** The refusal that the schema's owner gets. Retries while other tests hold locks. */
async function refusalOf(statement: string): Promise<unknown> {
  for (;;) {
    try {
      await sql.begin(async (transaction) => {
        // shorter than deadlock_timeout, so that Postgres cancels no other test
        await transaction`set local lock_timeout = '200ms'`;
        await transaction.unsafe(statement);
        throw new Error('was not refused');
      });
    } catch (error) {
      if ((error as { code?: string }).code !== '55P03') return error;
    }
  }
}

it.each([
  ['audit rows', 'update proxy_private.proxy_key_audit set action = action'],
  ['the actor of an audit row', 'update proxy_private.proxy_key_audit set actor_id = null'],
  ['all audit rows', 'delete from proxy_private.proxy_key_audit'],
  ['the audit log by truncation', 'truncate proxy_private.proxy_key_audit'],
  ['the reason of an audit row', `update proxy_private.proxy_key_audit set reason = 'Another.'`],
  ['audit rows about grants', 'delete from proxy_private.proxy_key_audit where tier is not null'],
  ['the reason of a grant', `update proxy_private.proxy_tier_grants set reason = 'Another.'`],
  ['the user of a grant', 'update proxy_private.proxy_tier_grants set user_id = granted_by'],
  ['grants by truncation, which bypasses their audit', 'truncate proxy_private.proxy_tier_grants'],
  ['all keys', 'delete from proxy_private.proxy_keys'],
  ['keys and everything that references them', 'truncate proxy_private.proxy_keys cascade'],
  ['users and everything that references them', 'truncate auth.users cascade'],
])('not even the owner of the schema can change or delete %s', async (_, statement) => {
  expect(await refusalOf(statement)).toMatchObject({ code: 'PT403', hint: 'append_only' });
});

it('not even the owner of the schema can change or delete a single row', async () => {
  const history = await readAudit(sql, key.id);
  expect(history).toHaveLength(1);
  for (const statement of [
    `update proxy_private.proxy_key_audit set user_id = null where api_key_id = '${key.id}'`,
    `delete from proxy_private.proxy_key_audit where api_key_id = '${key.id}'`,
    `delete from proxy_private.proxy_keys where id = '${key.id}'`,
    `insert into proxy_private.proxy_key_audit (api_key_id, action) values ('${key.id}', 'minted')
       on conflict (id) do update set action = 'deleted'`,
  ]) {
    expect(await refusalOf(statement), statement).toMatchObject({
      code: 'PT403',
      hint: 'append_only',
    });
  }
  expect(await readAudit(sql, key.id)).toEqual(history);
});
