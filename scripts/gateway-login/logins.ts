import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { commands } from '../../gateway/commands.ts';
import { alignColumns } from '../aligned-table.ts';
import { StackError } from '../stack/stack-error.ts';
import { scramVerifier } from './scram-verifier.ts';

/** A gateway's login, as the database has it. */
export interface GatewayLogin {
  login: string;
  /** False for one whose drop was not finished. */
  open: boolean;
  limit: number;
  /** Its connections open now. */
  connections: number;
}

/** 256 random bits, in characters that a URL takes as they are. */
export function newPassword(): string {
  return randomBytes(32).toString('base64url');
}

/** Makes the login, of whose password the database gets the verifier alone. Returns its role. */
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

/** Ends the login's connections, and drops it with all that it made in this database. */
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
    // Committed before the rest: else one that connects again and again slips in between, and one
    // that cannot be dropped would be open again.
    await sql`alter role ${sql(login)} with nologin`;
    const [dropped] = await sql<{ ended: number }[]>`
      select proxy_private.drop_gateway_login(${name}) as ended`;
    // those that were about to open when it was closed
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
  if (logins.length === 0) return 'There is no gateway login: make one with create <name>.';
  const rows = logins.map(({ login, open, limit, connections }) => {
    const most = limit < 0 ? 'none' : String(limit);
    return [login, open ? most : 'closed: drop it again', String(connections)];
  });
  return alignColumns([['login', 'limit', 'open now'], ...rows]);
}

/** What to do next, where it is the login that something is wrong with. */
function explain(error: unknown, name: string): unknown {
  if (!(error instanceof postgres.PostgresError)) return error;
  const login = `proxy_gateway_${name}`;
  switch (error.code) {
    case '42710':
      return new StackError(
        `There is a login ${login} already.`,
        `Choose another name, or drop that one first: ${commands.login} drop ${name}`,
      );
    case '42704':
      return new StackError(
        `There is no login ${login}.`,
        `See which there are: ${commands.login} list`,
      );
    case '22023':
      return new StackError(error.message, error.hint ?? 'Correct that, then run it again.');
    case '2BP01':
      return new StackError(
        `${login} can no longer log in, and its connections are ended; but it owns something that is not in this database: ${error.detail}.`,
        `In each database named, as role postgres, run:
  grant ${login} to postgres;
  drop owned by ${login};
Then drop it again: ${commands.login} drop ${name}`,
      );
    default:
      return error;
  }
}
