import { explainDatabaseTls } from '../database/tls-failure.ts';
import { NotReady, newReason, type Reason, type ReasonCode } from './reason.ts';

/** By SQLSTATE: https://www.postgresql.org/docs/17/errcodes-appendix.html. */
const bySqlState: Readonly<Record<string, ReasonCode>> = {
  '53300': 'connection_limit',
  '28P01': 'login_refused',
  '28000': 'login_refused',
  '42501': 'login_without_rights',
  '25006': 'standby_database',
  '3D000': 'database_missing',
  '3F000': 'schema_missing',
  '42883': 'schema_too_old',
  // a prepared statement is missing, or exists already: the connection is another client's
  '26000': 'transaction_pool',
  '42P05': 'transaction_pool',
};

/** The server is starting or stopping, or a pool has no connection to it: it may answer soon. */
const away = /^(08...|57P0[1-3])$/;
const sqlState = /^[0-9A-Z]{5}$/;
/** The names that Node and the C library use for connection errors: ECONNREFUSED, EAI_AGAIN. */
const errno = /^E[A-Z_]{2,30}$/;

/** Messages of `pg`, without a code, for a connection or an answer that timed out or broke off. */
const brokeOff = /time|terminat|connection/i;

/**
 * Explains an error of a query or a database connection in the gateway's own words: the error's
 * message may contain a host, a role or a value.
 */
export function explainDatabaseError(error: unknown): Reason {
  if (error instanceof NotReady) return error.reason;
  const tls = explainDatabaseTls(error);
  if (tls) return { ...tls, level: 'error' };
  const code = causeOf(error);
  if (code === undefined) {
    const { message = '' } = (error ?? {}) as { message?: string };
    return newReason(brokeOff.test(message) ? 'database_away' : 'database_error');
  }
  if (sqlState.test(code) && !errno.test(code)) {
    const known = bySqlState[code] ?? (away.test(code) ? 'database_away' : 'database_error');
    return newReason(known, `SQLSTATE ${code}`);
  }
  return newReason('database_away', code);
}

/** The SQLSTATE, errno or code of an error; undefined if it has none that may be shown. */
export function causeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code) ? code : undefined;
}
