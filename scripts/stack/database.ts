import { readFileSync } from 'node:fs';
import postgres from 'postgres';
import { scramVerifier } from '../gateway-login/scram-verifier.ts';
import { databaseUrl, localPassword } from './postgres.ts';

const read = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8');

/** Does some work over one connection of `role`, which is closed after it. */
export async function withConnection<T>(
  role: string,
  port: number,
  work: (sql: postgres.Sql) => Promise<T>,
): Promise<T> {
  const sql = postgres(databaseUrl(role, port), { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    // without a limit it waits for ever for a connection that the server ended during a query
    await sql.end({ timeout: 0 });
  }
}

/**
 * Gives a new database what Supabase's image gives it: roles, schemas, default privileges and the
 * tables of Supabase Auth. All or nothing, so that a start cut short is made good by the next.
 */
export function bootstrapDatabase(port: number): Promise<void> {
  return withConnection('supabase_admin', port, async (sql) => {
    const [row] = await sql`select to_regclass('auth.users') is not null as done`;
    if (row?.done) return;
    const passwords = ['postgres', 'authenticator', 'supabase_auth_admin'].map(
      (role) => `alter role ${role} with password '${localPassword}';`,
    );
    await sql.unsafe(
      ['begin;', read('./bootstrap.sql'), read('./auth/schema.sql'), ...passwords, 'commit;'].join(
        '\n',
      ),
    );
  });
}

/** The login of the local stack's gateway. */
export const localGatewayLogin = 'proxy_gateway_local';

/** Makes the local gateway's login, where a start has not made it before. */
export function openGatewayLogin(port: number): Promise<void> {
  return withConnection('postgres', port, async (sql) => {
    const [row] = await sql`select from pg_roles where rolname = ${localGatewayLogin}`;
    if (row) return;
    // as many connections as tests open; a gateway takes far fewer
    await sql`
      select private.create_gateway_login('local', ${scramVerifier(localPassword)}, 90)`;
  });
}
