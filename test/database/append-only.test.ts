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

/** What the schema's own owner is told. A statement that waits for other tests' locks is repeated. */
async function refusalOf(statement: string): Promise<unknown> {
  for (;;) {
    try {
      await sql.begin(async (transaction) => {
        // shorter than the time after which Postgres would end one of two that wait for each other
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
  ['rows of the audit', 'update proxy_private.proxy_key_audit set action = action'],
  ['the actor of a row of the audit', 'update proxy_private.proxy_key_audit set actor_id = null'],
  ['rows of the audit, all', 'delete from proxy_private.proxy_key_audit'],
  ['the audit at once', 'truncate proxy_private.proxy_key_audit'],
  [
    'the reason of a row of the audit',
    `update proxy_private.proxy_key_audit set reason = 'Another.'`,
  ],
  [
    'what the audit says of grants',
    'delete from proxy_private.proxy_key_audit where tier is not null',
  ],
  ['the reason of a grant', `update proxy_private.proxy_tier_grants set reason = 'Another.'`],
  ['who a grant is of', 'update proxy_private.proxy_tier_grants set user_id = granted_by'],
  ['grants at once, past their audit', 'truncate proxy_private.proxy_tier_grants'],
  ['keys, all', 'delete from proxy_private.proxy_keys'],
  ['keys with all that hangs on them', 'truncate proxy_private.proxy_keys cascade'],
  ['users with all that hangs on them', 'truncate auth.users cascade'],
])('even their owner cannot change or remove %s', async (_, statement) => {
  expect(await refusalOf(statement)).toMatchObject({ code: 'PT403', hint: 'append_only' });
});

it('even their owner cannot change or remove a single one', async () => {
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
