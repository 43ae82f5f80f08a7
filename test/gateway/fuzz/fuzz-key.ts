import { createHash, randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { hashSecret } from '../../support/seeded-keys.ts';

const keyId = 'avp_live_f0220000f022';
const secret = createHash('sha256').update('fuzz').digest('hex');

/**
 * Creates the key for all fuzzing, if the database does not have it, and returns its
 * `keyId:secret`. It is always the same, so that a printed case can be repeated.
 */
export async function makeFuzzKey(sql: postgres.Sql): Promise<string> {
  const userId = randomUUID();
  await sql.begin(async (transaction) => {
    await transaction`
      insert into auth.users (id, email) values (${userId}, ${`${userId}@example.com`})`;
    const [key] = await transaction<{ id: string }[]>`
      insert into proxy_private.proxy_keys
        (key_id, user_id, label, tier, live_mode, limit_overrides)
      values (${keyId}, ${userId}, 'fuzz', 'enterprise', true, '{"rate_limit": 1000000}')
      on conflict (key_id) do nothing
      returning id`;
    if (!key) return;
    await transaction`
      insert into proxy_private.proxy_key_secrets (api_key_id, secret_hash)
      values (${key.id}, decode(${hashSecret(keyId, secret)}, 'hex'))`;
  });
  return `${keyId}:${secret}`;
}
