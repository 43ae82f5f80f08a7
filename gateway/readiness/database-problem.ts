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
  // a prepared statement that is missing, or there already: another's connection
  '26000': 'transaction_pool',
  '42P05': 'transaction_pool',
};

/** Of a server that starts, stops, or is behind a pool that has none: it may answer soon. */
const away = /^(08...|57P0[1-3])$/;
const sqlState = /^[0-9A-Z]{5}$/;
/** As Node and the C library name what is wrong with a connection: ECONNREFUSED, EAI_AGAIN. */
const errno = /^E[A-Z_]{2,30}$/;

/** As `pg` says, without a code, that a connection or an answer took too long or broke off. */
const brokeOff = /time|terminat|connection/i;

/**
 * What is wrong, of an error of a query or a connection to the database, in a sentence of our own: the
 * error's may hold a host, a role or a value.
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

/** The SQLSTATE, errno or code of an error; undefined where it has none that may be shown. */
export function causeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code) ? code : undefined;
}
