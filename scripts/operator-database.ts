import postgres from 'postgres';
import { isPackaged } from '../gateway/commands.ts';
import {
  type DatabaseConnection,
  DatabaseUrlError,
  readDatabaseUrl,
} from '../gateway/database/database-url.ts';
import { explainDatabaseTls } from '../gateway/database/tls-failure.ts';
import { databaseUrl } from './stack/postgres.ts';
import { readProjectConfig } from './stack/project-config.ts';
import { StackError } from './stack/stack-error.ts';
import { openTlsSocket } from './tls-socket.ts';

/** A database, and its description for error messages, without its password. */
export interface Database {
  sql: postgres.Sql;
  /** Host and port. */
  address: string;
  /** The connection URL without its password. */
  url: URL;
}

/** The connect timeout, in seconds. */
const connectTimeout = 10;

/** A line in each command's usage. */
export const databaseUrlUsage = isPackaged
  ? 'DATABASE_URL is the connection string of the database, as role postgres.'
  : 'DATABASE_URL is the connection string of the database, as role postgres. The default is the local stack.';

const howToWrite = 'Set it to postgresql://postgres:<password>@<host>:<port>/<database>.';

/**
 * Opens the database of a connection string, or else the local stack's; it connects on first use. Throws
 * `StackError` for an invalid string.
 */
export function openDatabase(url: string | undefined): Database {
  // the package has no local stack
  if (!url && isPackaged) throw new StackError('DATABASE_URL is not set.', howToWrite);
  const given = url ? url : databaseUrl('postgres', readProjectConfig().db.port);
  // not the parser's own error, which contains the whole string
  const parsed = URL.canParse(given) ? new URL(given) : undefined;
  if (parsed?.protocol !== 'postgres:' && parsed?.protocol !== 'postgresql:') {
    throw new StackError('DATABASE_URL is not the URL of a Postgres database.', howToWrite);
  }
  parsed.password = '';
  return { sql: connect(readUrl(given)), address: parsed.host, url: parsed };
}

function readUrl(given: string): DatabaseConnection {
  try {
    return readDatabaseUrl(given);
  } catch (error) {
    if (!(error instanceof DatabaseUrlError)) throw error;
    throw new StackError(
      `DATABASE_URL: ${error.message}.`,
      'See docs/gateway-logins.md for its parameters.',
    );
  }
}

function connect({ url, host, ssl }: DatabaseConnection): postgres.Sql {
  const port = Number(new URL(url).port || process.env.PGPORT || 5432);
  const secure = ssl && {
    socket: () => openTlsSocket({ host, port, tls: ssl, timeoutMs: connectTimeout * 1_000 }),
  };
  return postgres(url, {
    ...(host.startsWith('/') && { path: `${host}/.s.PGSQL.${port}` }),
    // the environment could otherwise enable the driver's own TLS
    ssl: false,
    ...secure,
    max: 1,
    // no prepared statements: there may be a pooler in between
    prepare: false,
    connect_timeout: connectTimeout,
    onnotice: () => {},
  });
}

const unreachable = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'CONNECT_TIMEOUT'];
const applyMigrations =
  'Apply the migrations: `supabase db push`, or `npm start` for the local stack.';
const remedies: Record<string, string> = {
  '28P01': 'Correct the password in DATABASE_URL.',
  '28000': 'Correct the user in DATABASE_URL: it must be postgres.',
  '3D000': 'Correct the name of the database in DATABASE_URL.',
  '3F000': applyMigrations,
  '42883': applyMigrations,
  '42501': 'Connect as role postgres, which owns the schema.',
};

/** Converts an error from the database or the connection to a message with the next step. */
export function explainFailure(error: unknown, address: string): unknown {
  if (error instanceof StackError) return error;
  const tls = explainDatabaseTls(error);
  if (tls !== null) {
    return new StackError(
      `Cannot connect to the database at ${address} (${tls.code}).`,
      tls.sentence,
    );
  }
  if (!(error instanceof Error) || !('code' in error)) return error;
  const code = String(error.code);
  if (unreachable.includes(code)) {
    return new StackError(
      `No database is reachable at ${address} (${code}).`,
      'Start the local stack with `npm start`, or set DATABASE_URL to another database.',
    );
  }
  return new StackError(
    `The database at ${address} returned an error: ${error.message} (${code}).`,
    remedies[code] ??
      'Fix the error above, then run the command again: what it did before the error is kept.',
  );
}
