import { readFileSync } from 'node:fs';
import postgres from 'postgres';
import { scramVerifier } from '../gateway-login/scram-verifier.ts';
import { databaseUrl, localPassword } from './postgres.ts';
import { StackError } from './stack-error.ts';

const read = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8');

/** Runs `work` over one connection as `role`, which is closed afterwards. */
export async function withConnection<T>(
  role: string,
  port: number,
  work: (sql: postgres.Sql) => Promise<T>,
): Promise<T> {
  const sql = postgres(databaseUrl(role, port), { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    // without a timeout, it waits forever for a connection that the server closed during a query
    await sql.end({ timeout: 0 });
  }
}

/**
 * Sets up a new database like Supabase's image: roles, schemas, default privileges and, unless Supabase
 * Auth creates its own, the tables of its local replacement. It runs in one transaction, so that the
 * next start repairs an interrupted one.
 */
export function bootstrapDatabase(port: number, options: { realAuth: boolean }): Promise<void> {
  return withConnection('supabase_admin', port, async (sql) => {
    const [row] = await sql`
      select
        to_regnamespace('auth') is not null as done,
        to_regclass('auth.users') is not null
          and to_regclass('auth.schema_migrations') is null as of_local_auth,
        to_regclass('auth.mfa_factors') is not null as has_factors`;
    if (row?.done)
      return requireSameAuth(row.of_local_auth !== options.realAuth && row.has_factors);
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

/** Supabase Auth and its local replacement cannot use each other's tables, nor those of an older replacement. */
function requireSameAuth(same: boolean): void {
  if (same) return;
  throw new StackError(
    'These data belong to the other kind of Auth (Supabase Auth, or its local replacement), or predate second factors.',
    'Set AUTH_BIN as at the first start, or remove .stack: the next start creates new data.',
  );
}

/** The login of the local stack's gateway. */
export const localGatewayLogin = 'proxy_gateway_local';

/** Creates the local gateway's login if it does not exist yet. */
export function openGatewayLogin(port: number): Promise<void> {
  return withConnection('postgres', port, async (sql) => {
    const [row] = await sql`select from pg_roles where rolname = ${localGatewayLogin}`;
    if (row) return;
    // as many connections as tests open; a gateway needs far fewer
    await sql`
      select proxy_private.create_gateway_login('local', ${scramVerifier(localPassword)}, 90)`;
  });
}
