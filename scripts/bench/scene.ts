import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { decodeJwt, type JWK } from 'jose';
import type postgres from 'postgres';
import { createTokens } from '../stack/auth/tokens.ts';
import { createUser, type Metadata } from '../stack/auth/users.ts';
import { readSigningKey } from '../stack/signing-keys.ts';

/** A user created for benchmarks, with an access token like Auth's. */
export interface BenchUser {
  id: string;
  token: string;
  /** The value that PostgREST sets as `request.jwt.claims` for that token. */
  claims: string;
}

/** Creates users without passwords, and keys, directly in SQL. */
export interface Scene {
  newUsers(count: number, options?: { admin?: boolean }): Promise<BenchUser[]>;
  /** Creates a key for each of `users`, in the same order, older than any usage; returns their ids. */
  newKeys(users: BenchUser[]): Promise<string[]>;
  /** Creates usage events for `keys` in turn, over the last days, in batches like a gateway's. */
  newUsage(keys: string[], options: { events: number; days: number }): Promise<void>;
}

const usageBatch = 10_000;

/**
 * Opens the scene of a stack: `sql` connects as its owner, `keysFile` contains the key that signs tokens.
 * Lifts the stack's write limits.
 */
export async function openScene(sql: postgres.Sql, keysFile: string): Promise<Scene> {
  const { signingJwk } = JSON.parse(readFileSync(keysFile, 'utf8')) as { signingJwk: JWK };
  // a second instead of a minute, so that the log of a user's writes stays as short as in practice
  await sql`
    update proxy_private.write_limits
    set allowed = 1000000, seconds = case when seconds = 60 then 1 else seconds end`;
  const signingKey = await readSigningKey(signingJwk);
  const tokens = createTokens({
    signingKey,
    jwks: { keys: [signingKey.publicJwk] },
    issuer: 'bench',
    now: Date.now,
  });
  const newUser = async (appMetadata: Metadata): Promise<BenchUser> => {
    const createdAt = new Date();
    const email = `${randomUUID()}@example.com`;
    const user = await createUser(sql, { email, confirmEmail: true, appMetadata }, createdAt);
    if (!user) throw new Error(`the user ${email} already exists`);
    const session = { id: randomUUID(), userId: user.id, createdAt, aal: 'aal1', amr: [] } as const;
    const { token } = await tokens.sign(user, session);
    return { id: user.id, token, claims: JSON.stringify(decodeJwt(token)) };
  };
  return {
    newUsers: (count, { admin = false } = {}) =>
      Promise.all(Array.from({ length: count }, () => newUser(admin ? { role: 'admin' } : {}))),
    async newKeys(users) {
      const ids = users.map(() => randomUUID());
      const keyIds = users.map(() => `avp_live_${randomBytes(6).toString('hex')}`);
      const owners = users.map(({ id }) => id);
      await sql`
        with made as (
          insert into proxy_private.proxy_keys
            (id, key_id, user_id, label, tier, live_mode, created_at)
          select id, key_id, owner_id, 'bench', 'developer', true, now() - interval '100 days'
          from unnest(${ids}::uuid[], ${keyIds}::text[], ${owners}::uuid[])
            as wanted (id, key_id, owner_id)
          returning id, key_id
        )
        insert into proxy_private.proxy_key_secrets (api_key_id, secret_hash)
        select id, sha256(key_id::bytea) from made`;
      return ids;
    },
    async newUsage(keys, { events, days }) {
      // as a service has after running for that long
      await sql`
        select proxy_private.make_usage_partitions(now()::date - ${days}::integer - 1, now()::date)`;
      for (let recorded = 0; recorded < events; recorded += usageBatch) {
        await sql`
          select gateway.record_usage(jsonb_agg(jsonb_build_object(
            'eventId', gen_random_uuid(),
            'apiKeyId', (${keys}::uuid[])[1 + n % ${keys.length}::integer],
            'occurredAt', now() - random() * ${days}::integer * interval '1 day',
            'targetHost', 'www.example.com',
            'method', 'CONNECT',
            'statusCode', 200,
            'bytesSent', 1000 + n,
            'bytesReceived', 50000 + n,
            'durationMs', 250,
            'servedByNodeId', 'bench'
          )))
          from generate_series(1, ${Math.min(usageBatch, events - recorded)}::integer) as n`;
      }
    },
  };
}
