import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { importJWK, type JWK, SignJWT } from 'jose';
import type postgres from 'postgres';

/** A user made for measuring, with an access token as Auth would sign it. */
export interface BenchUser {
  id: string;
  token: string;
  /** What PostgREST sets as `request.jwt.claims` for that token. */
  claims: string;
}

/** Makes users and keys straight in SQL: signing up spends its time on bcrypt. */
export interface Scene {
  newUsers(count: number, options?: { admin?: boolean }): Promise<BenchUser[]>;
  /** One new key for each of `users`, in the same order, older than any usage; returns their ids. */
  newKeys(users: BenchUser[]): Promise<string[]>;
  /** So many usage events of `keys` in turn, over the last days, in batches as a gateway sends them. */
  newUsage(keys: string[], options: { events: number; days: number }): Promise<void>;
}

const usageBatch = 10_000;

/**
 * Opens the scene of a stack: `sql` is its owner, `keysFile` holds the key that signs tokens. Lifts the
 * stack's limits on writes.
 */
export async function openScene(sql: postgres.Sql, keysFile: string): Promise<Scene> {
  const { signingJwk } = JSON.parse(readFileSync(keysFile, 'utf8')) as { signingJwk: JWK };
  // a second instead of a minute, so that the log of a user's writes stays as short as users have it
  await sql`
    update private.write_limits
    set allowed = 1000000, seconds = case when seconds = 60 then 1 else seconds end`;
  const privateKey = await importJWK(signingJwk, 'ES256');
  const header = { alg: 'ES256', kid: signingJwk.kid ?? '', typ: 'JWT' };
  return {
    async newUsers(count, { admin = false } = {}) {
      const ids = Array.from({ length: count }, () => randomUUID());
      await sql`
        insert into auth.users (
          instance_id, id, aud, role, email, raw_app_meta_data, raw_user_meta_data,
          created_at, updated_at
        )
        select
          '00000000-0000-0000-0000-000000000000', id, 'authenticated', 'authenticated',
          id || '@example.com', ${JSON.stringify(appMetadata(admin))}::text::jsonb, '{}', now(), now()
        from unnest(${ids}::uuid[]) as id`;
      return Promise.all(
        ids.map(async (id) => {
          const claims = claimsOf(id, admin);
          const token = await new SignJWT(claims).setProtectedHeader(header).sign(privateKey);
          return { id, token, claims: JSON.stringify(claims) };
        }),
      );
    },
    async newKeys(users) {
      const ids = users.map(() => randomUUID());
      const keyIds = users.map(() => `avp_live_${randomBytes(6).toString('hex')}`);
      const owners = users.map(({ id }) => id);
      await sql`
        with made as (
          insert into private.proxy_keys
            (id, key_id, user_id, label, tier, live_mode, created_at)
          select id, key_id, owner_id, 'bench', 'developer', true, now() - interval '100 days'
          from unnest(${ids}::uuid[], ${keyIds}::text[], ${owners}::uuid[])
            as wanted (id, key_id, owner_id)
          returning id, key_id
        )
        insert into private.proxy_key_secrets (api_key_id, secret_hash)
        select id, sha256(key_id::bytea) from made`;
      return ids;
    },
    async newUsage(keys, { events, days }) {
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

function appMetadata(admin: boolean) {
  return { provider: 'email', providers: ['email'], ...(admin ? { role: 'admin' } : {}) };
}

function claimsOf(id: string, admin: boolean) {
  const now = Math.floor(Date.now() / 1000);
  return {
    sub: id,
    aud: 'authenticated',
    role: 'authenticated',
    email: `${id}@example.com`,
    phone: '',
    app_metadata: appMetadata(admin),
    user_metadata: {},
    aal: 'aal1',
    amr: [{ method: 'password', timestamp: now }],
    session_id: randomUUID(),
    is_anonymous: false,
    iat: now,
    exp: now + 4 * 3600,
  };
}
