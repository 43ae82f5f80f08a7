import { readFileSync } from 'node:fs';
import postgres from 'postgres';
import { scramVerifier } from '../gateway-login/scram-verifier.ts';
import { databaseUrl, localPassword } from './postgres.ts';
import { StackError } from './stack-error.ts';

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
 * Gives a new database what Supabase's image gives it: roles, schemas, default privileges and, where
 * Supabase Auth does not make them itself, the tables that its stand-in uses. All or nothing, so that
 * a start cut short is made good by the next.
 */
export function bootstrapDatabase(port: number, options: { realAuth: boolean }): Promise<void> {
  return withConnection('supabase_admin', port, async (sql) => {
    const [row] = await sql`
      select
        to_regnamespace('auth') is not null as done,
        to_regclass('auth.users') is not null
          and to_regclass('auth.schema_migrations') is null as of_stand_in,
        to_regclass('auth.mfa_factors') is not null as has_factors`;
    if (row?.done) return requireSameAuth(row.of_stand_in !== options.realAuth && row.has_factors);
    const passwords = ['postgres', 'authenticator', 'supabase_auth_admin'].map(
      (role) => `alter role ${role} with password '${localPassword}';`,
    );
    await sql.unsafe(
      [
        'begin;',
        read('./bootstrap.sql'),
        options.realAuth ? '' : read('./auth/schema.sql'),
        ...passwords,
        'commit;',
      ].join('\n'),
    );
  });
}

/** Neither Supabase Auth nor its stand-in can use the tables of the other, nor of one that is older. */
function requireSameAuth(same: boolean): void {
  if (same) return;
  throw new StackError(
    'These data were made with Supabase Auth where its stand-in is to run, the other way round, or before it knew second factors.',
    'Set AUTH_BIN as at the first start, or remove .stack: the next start makes new data.',
  );
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
      select proxy_private.create_gateway_login('local', ${scramVerifier(localPassword)}, 90)`;
  });
}
