import { commands } from '../commands.ts';

/** Every reason not to be ready: how loud its log line is, the cause, and the next step. */
const reasons = {
  starting: ['info', 'the database has not answered yet', 'wait a few seconds'],
  stopping: ['info', 'the gateway was asked to stop', 'send clients to another one'],
  database_away: [
    'warn',
    'the database cannot be reached, or does not answer in time',
    'see that it runs, and that GATEWAY_DATABASE_URL leads to it',
  ],
  database_missing: [
    'error',
    'the server has no database of the name in GATEWAY_DATABASE_URL',
    'correct the name',
  ],
  database_error: ['warn', 'the database refuses what the gateway asks', 'see its log and ours'],
  login_refused: [
    'error',
    "the database refuses this gateway's login or its password",
    `set GATEWAY_DATABASE_URL as \`${commands.login} create\` prints it`,
  ],
  login_without_rights: [
    'error',
    'the login may not do what a gateway does',
    `make one with \`${commands.login} create\``,
  ],
  connection_limit: [
    'error',
    'the login, or the server, has no connection left for this gateway',
    'end what else uses the login, or give it more connections',
  ],
  standby_database: [
    'error',
    'the database is a standby, which takes neither usage nor listeners',
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
    "the database's clock has not been read yet, so that usage would have the host's time",
    'wait until the database answers',
  ],
  spool_full: [
    'error',
    'the spool takes no events',
    'make room on the disk of GATEWAY_SPOOL_DIR, and see that the folder can be written',
  ],
} as const satisfies Record<
  string,
  readonly [level: 'info' | 'warn' | 'error', cause: string, next: string]
>;

export type ReasonCode = keyof typeof reasons;

export const reasonCodes = Object.keys(reasons) as ReasonCode[];

/** Why a gateway is not ready. */
export interface Reason {
  /** Stable, for machines: one of `reasonCodes`, or a failure's of `database/`. */
  code: string;
  /** The cause and the next step: no secret, no URL. */
  sentence: string;
  level: 'info' | 'warn' | 'error';
}

/** A reason; `detail` says more of its cause, as a SQLSTATE or a version. */
export function newReason(code: ReasonCode, detail?: string): Reason {
  const [level, cause, next] = reasons[code];
  return { code, level, sentence: `${cause}${detail ? ` (${detail})` : ''}: ${next}` };
}

/** Thrown by what finds out by itself why the gateway is not ready. */
export class NotReady extends Error {
  readonly reason: Reason;

  constructor(reason: Reason) {
    super(`${reason.code}: ${reason.sentence}`);
    this.name = NotReady.name;
    this.reason = reason;
  }
}
