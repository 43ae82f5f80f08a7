import postgres from 'postgres';
import { databaseUrl } from './stack/postgres.ts';
import { readProjectConfig } from './stack/project-config.ts';
import { StackError } from './stack/stack-error.ts';

/** A database, and what it may be called in an error: never with its password. */
export interface Database {
  sql: postgres.Sql;
  /** Host and port. */
  address: string;
  /** Where it is and who connects: without its password. */
  url: URL;
}

/** Opens the database of a connection string, or without one the local stack's, when first used. */
export function openDatabase(url: string | undefined): Database {
  const given = url ? url : databaseUrl('postgres', readProjectConfig().db.port);
  // not the parser's own error, which has the whole string in it
  const parsed = URL.canParse(given) ? new URL(given) : undefined;
  if (parsed?.protocol !== 'postgres:' && parsed?.protocol !== 'postgresql:') {
    throw new StackError(
      'DATABASE_URL is not the URL of a Postgres database.',
      'Write it as postgresql://postgres:<password>@<host>:<port>/<database>.',
    );
  }
  parsed.password = '';
  return {
    // no prepared statements: a pooler may stand between
    sql: postgres(given, { max: 1, prepare: false, connect_timeout: 10, onnotice: () => {} }),
    address: parsed.host,
    url: parsed,
  };
}

const unreachable = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'CONNECT_TIMEOUT'];
const applyMigrations =
  'Apply the migrations: `supabase db push`, or `npm start` for the local stack.';
const remedies: Record<string, string> = {
  '28P01': 'Correct the password in DATABASE_URL.',
  '28000': 'Correct the user in DATABASE_URL: it is postgres.',
  '3D000': 'Correct the name of the database in DATABASE_URL.',
  '3F000': applyMigrations,
  '42883': applyMigrations,
  '42501': 'Connect as role postgres, which owns the schema.',
};

/** What is wrong and what to do next, of an error that the database or the way to it gave. */
export function explainFailure(error: unknown, address: string): unknown {
  if (error instanceof StackError) return error;
  if (!(error instanceof Error) || !('code' in error)) return error;
  const code = String(error.code);
  if (unreachable.includes(code)) {
    return new StackError(
      `No database answers at ${address} (${code}).`,
      'Start the local stack with `npm start`, or name another database in DATABASE_URL.',
    );
  }
  return new StackError(
    `The database at ${address} refused: ${error.message} (${code}).`,
    remedies[code] ?? 'Correct that, then run it again: what was done before it stands.',
  );
}
