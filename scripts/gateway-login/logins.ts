import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { commands } from '../../gateway/commands.ts';
import { alignColumns } from '../aligned-table.ts';
import { StackError } from '../stack/stack-error.ts';
import { scramVerifier } from './scram-verifier.ts';

/** A gateway's login in the database. */
export interface GatewayLogin {
  login: string;
  /** False for a login whose drop was not completed. */
  open: boolean;
  limit: number;
  /** The number of open connections. */
  connections: number;
}

/** 256 random bits, in characters that need no escaping in a URL. */
export function newPassword(): string {
  return randomBytes(32).toString('base64url');
}

/** Creates the login and returns its role. The database gets only the verifier of the password. */
export async function createLogin(
  sql: postgres.Sql,
  options: { name: string; password: string; connections: number },
): Promise<string> {
  const { name, password, connections } = options;
  try {
    const [row] = await sql<{ login: string }[]>`
      select proxy_private.create_gateway_login(
        ${name}, ${scramVerifier(password)}, ${connections}
      ) as login`;
    return row?.login ?? '';
  } catch (error) {
    throw explain(error, name);
  }
}

/** Closes the login's connections and drops it with everything that it created in this database. */
export async function dropLogin(
  sql: postgres.Sql,
  name: string,
): Promise<{ login: string; ended: number }> {
  try {
    const [row] = await sql<{ login: string; oid: number }[]>`
      select n.login, r.oid
      from proxy_private.gateway_login_name(${name}) as n (login)
      left join pg_roles as r on r.rolname = n.login`;
    const login = row?.login ?? '';
    // Committed before the rest: otherwise a client that keeps reconnecting gets in between, and a
    // login that cannot be dropped would stay open.
    await sql`alter role ${sql(login)} with nologin`;
    const [dropped] = await sql<{ ended: number }[]>`
      select proxy_private.drop_gateway_login(${name}) as ended`;
    // connections that were opening when the login was closed
    const [late] = await sql<{ ended: number }[]>`
      select count(*) filter (where pg_terminate_backend(pid))::integer as ended
      from pg_stat_activity where usesysid = ${row?.oid ?? 0}`;
    return { login, ended: (dropped?.ended ?? 0) + (late?.ended ?? 0) };
  } catch (error) {
    throw explain(error, name);
  }
}

export async function listLogins(sql: postgres.Sql): Promise<GatewayLogin[]> {
  return sql<GatewayLogin[]>`
    select
      r.rolname as login, r.rolcanlogin as open, r.rolconnlimit as "limit",
      (select count(*) from pg_stat_activity as a where a.usesysid = r.oid)::integer as connections
    from pg_roles as r
    join pg_auth_members as m on m.member = r.oid
    where m.roleid = 'proxy_gateway'::regrole and m.inherit_option
    order by r.rolname`;
}

/** The logins as a table with aligned columns. */
export function formatLogins(logins: GatewayLogin[]): string {
  if (logins.length === 0) return 'No gateway login exists: create one with create <name>.';
  const rows = logins.map(({ login, open, limit, connections }) => {
    const most = limit < 0 ? 'none' : String(limit);
    return [login, open ? most : 'closed: drop it again', String(connections)];
  });
  return alignColumns([['login', 'limit', 'open now'], ...rows]);
}

/** Adds the next step to an error that is about the login. */
function explain(error: unknown, name: string): unknown {
  if (!(error instanceof postgres.PostgresError)) return error;
  const login = `proxy_gateway_${name}`;
  switch (error.code) {
    case '42710':
      return new StackError(
        `The login ${login} already exists.`,
        `Choose another name, or drop the login first: ${commands.login} drop ${name}`,
      );
    case '42704':
      return new StackError(`No login ${login} exists.`, `List the logins: ${commands.login} list`);
    case '22023':
      return new StackError(
        error.message,
        error.hint ?? 'Fix the error above, then run the command again.',
      );
    case '2BP01':
      return new StackError(
        `${login} can no longer log in, and its connections are closed, but it owns objects outside this database: ${error.detail}.`,
        `In each database named, as role postgres, run:
  grant ${login} to postgres;
  drop owned by ${login};
Then drop it again: ${commands.login} drop ${name}`,
      );
    default:
      return error;
  }
}
