import { createHash, randomBytes } from 'node:crypto';
import type postgres from 'postgres';

export interface SeededKey {
  id: string;
  keyId: string;
  secret: string;
}

export interface SeedOptions {
  tier?: string;
  deleted?: boolean;
  liveMode?: boolean;
}

/** SHA-256 of the ASCII bytes of `keyId:secret`, in hexadecimal, as the database keeps it. */
export function hashSecret(keyId: string, secret: string): string {
  return createHash('sha256').update(`${keyId}:${secret}`, 'ascii').digest('hex');
}

/**
 * Inserts keys straight into the tables: many keys in two statements. They are as old as events may
 * be, because no event may be older than its key.
 */
export async function seedKeys(
  sql: postgres.Sql,
  userId: string,
  count: number,
  options: SeedOptions = {},
): Promise<SeededKey[]> {
  const { tier = 'developer', deleted = false, liveMode = true } = options;
  const secrets = new Map(
    Array.from({ length: count }, () => [
      `avp_${liveMode ? 'live' : 'test'}_${randomBytes(6).toString('hex')}`,
      randomBytes(32).toString('hex'),
    ]),
  );
  const hashes = [...secrets].map(([keyId, secret]) => hashSecret(keyId, secret));
  return sql.begin(async (transaction) => {
    const rows = await transaction<{ id: string; keyId: string }[]>`
      insert into proxy_private.proxy_keys (
        key_id, user_id, label, tier, live_mode, created_at, deleted_at
      )
      select
        k, ${userId}, 'seeded', ${tier}, ${liveMode}, now() - interval '100 days',
        ${deleted ? new Date() : null}::timestamptz
      from unnest(${[...secrets.keys()]}::text[]) as k
      returning id, key_id as "keyId"`;
    await transaction`
      insert into proxy_private.proxy_key_secrets (api_key_id, secret_hash)
      select k.id, decode(s.hash, 'hex')
      from unnest(${[...secrets.keys()]}::text[], ${hashes}::text[]) as s (key_id, hash)
      join proxy_private.proxy_keys as k on k.key_id = s.key_id`;
    return rows.map((row) => ({ ...row, secret: secrets.get(row.keyId) ?? '' }));
  }) as Promise<SeededKey[]>;
}

/** One such key. */
export async function seedKey(
  sql: postgres.Sql,
  userId: string,
  options: SeedOptions = {},
): Promise<SeededKey> {
  const [key] = await seedKeys(sql, userId, 1, options);
  if (!key) throw new Error('no key was seeded');
  return key;
}

/** Makes keys as old as events may be, because no event may be older than its key. */
export async function ageKeys(sql: postgres.Sql, ids: string[]): Promise<void> {
  await sql`
    update proxy_private.proxy_keys set created_at = now() - interval '100 days'
    where id = any(${ids}::uuid[])`;
}

/** Overrides some limits of a key's tier, as an admin does, and keeps the others. */
export async function overrideLimits(
  sql: postgres.ISql,
  id: string,
  limits: { bandwidth_limit_bytes?: number; rate_limit?: number; tunnel_limit?: number },
): Promise<void> {
  await sql`
    update proxy_private.proxy_keys set limit_overrides = limit_overrides || ${sql.json(limits)}
    where id = ${id}`;
}

/** Overrides the limits that all keys of a user and tier share, as an admin does. */
export async function overrideAccountLimits(
  sql: postgres.ISql,
  account: { userId: string; tier?: string },
  limits: { account_limit_bytes?: number; test_limit_bytes?: number },
): Promise<void> {
  await sql`
    insert into proxy_private.proxy_account_limits (user_id, tier, limit_overrides)
    values (${account.userId}, ${account.tier ?? 'developer'}, ${sql.json(limits)})
    on conflict (user_id, tier) do update set limit_overrides = excluded.limit_overrides`;
}
