import { commands } from '../commands.ts';

/** Every reason for not being ready: its log level, its cause, and the next step. */
const reasons = {
  starting: ['info', 'the database has not answered yet', 'wait a few seconds'],
  stopping: ['info', 'the gateway was asked to stop', 'send clients to another one'],
  database_away: [
    'warn',
    'the database cannot be reached, or does not answer in time',
    'check that it runs, and that GATEWAY_DATABASE_URL leads to it',
  ],
  database_missing: [
    'error',
    'the server has no database with the name in GATEWAY_DATABASE_URL',
    'correct the name',
  ],
  database_error: ['warn', "the database refuses the gateway's queries", 'see the logs of both'],
  login_refused: [
    'error',
    "the database refuses this gateway's login or its password",
    `set GATEWAY_DATABASE_URL as \`${commands.login} create\` prints it`,
  ],
  login_without_rights: [
    'error',
    'the login does not have the rights of a gateway',
    `create one with \`${commands.login} create\``,
  ],
  connection_limit: [
    'error',
    'the login, or the server, has no connection left for this gateway',
    'close other connections of the login, or allow it more',
  ],
  standby_database: [
    'error',
    'the database is a standby, which accepts neither usage nor LISTEN',
    'set GATEWAY_DATABASE_URL to the primary',
  ],
  transaction_pool: [
    'error',
    'GATEWAY_DATABASE_URL leads through a transaction-mode pool, which loses notifications',
    'use a direct connection or a session-mode pool (port 5432 on Supabase)',
  ],
  schema_missing: [
    'error',
    'the database has no schema for gateways',
    'apply the migrations (npx supabase db push), or correct GATEWAY_DATABASE_URL',
  ],
  schema_too_old: [
    'error',
    'the schema is older than this gateway needs',
    'apply the migrations that came with it, or run an older gateway',
  ],
  gateway_too_old: [
    'error',
    'the schema no longer serves gateways this old',
    'run a newer gateway',
  ],
  clock_unmeasured: [
    'info',
    "the database's clock has not been read yet, so usage would have the host's time",
    'wait until the database answers',
  ],
  spool_full: [
    'error',
    'the spool takes no events',
    'make room on the disk of GATEWAY_SPOOL_DIR, and check that the folder is writable',
  ],
} as const satisfies Record<
  string,
  readonly [level: 'info' | 'warn' | 'error', cause: string, next: string]
>;

export type ReasonCode = keyof typeof reasons;

export const reasonCodes = Object.keys(reasons) as ReasonCode[];

/** Why a gateway is not ready. */
export interface Reason {
  /** Stable, for programs: one of `reasonCodes`, or a failure code of `database/`. */
  code: string;
  /** The cause and the next step; never a secret or a URL. */
  sentence: string;
  level: 'info' | 'warn' | 'error';
}

/** A reason; `detail` narrows its cause down, for example a SQLSTATE or a version. */
export function newReason(code: ReasonCode, detail?: string): Reason {
  const [level, cause, next] = reasons[code];
  return { code, level, sentence: `${cause}${detail ? ` (${detail})` : ''}: ${next}` };
}

/** Thrown by code that already knows why the gateway is not ready. */
export class NotReady extends Error {
  readonly reason: Reason;

  constructor(reason: Reason) {
    super(`${reason.code}: ${reason.sentence}`);
    this.name = NotReady.name;
    this.reason = reason;
  }
}
