import type { ContentfulStatusCode } from 'hono/utils/http-status';

/** A refusal by the Auth API: a status, a code for programs and a sentence for people. */
export class AuthRefusal extends Error {
  readonly status: ContentfulStatusCode;
  readonly code: string;
  /** What the password lacks, only for `weak_password`. */
  readonly reasons: readonly string[] | undefined;

  constructor(
    status: ContentfulStatusCode,
    code: string,
    message: string,
    reasons?: readonly string[],
  ) {
    super(message);
    this.name = 'AuthRefusal';
    this.status = status;
    this.code = code;
    this.reasons = reasons;
  }
}

/** The refusal of requests that only Supabase Auth itself supports. */
export function notSupportedLocally(): AuthRefusal {
  return new AuthRefusal(
    501,
    'not_implemented',
    'The local replacement for Supabase Auth does not support this. To run Supabase Auth itself, set AUTH_BIN: docs/platform.md.',
  );
}

/** The refusal for anything thrown. It reveals nothing about an unexpected error. */
export function toRefusal(error: unknown): AuthRefusal {
  if (error instanceof AuthRefusal) return error;
  switch (sqlState(error)) {
    // text that Postgres cannot store, such as a null character
    case '22021':
    case '22P02':
    case '22P05':
      return new AuthRefusal(
        400,
        'validation_failed',
        'A value contains a character that cannot be stored.',
      );
    case '23505':
      return isTakenEmail(error)
        ? new AuthRefusal(422, 'email_exists', 'Another user has this e-mail address.')
        : new AuthRefusal(409, 'conflict', 'This already exists.');
    default:
      return new AuthRefusal(
        500,
        'unexpected_failure',
        'Something went wrong. See the log of the stack.',
      );
  }
}

/** The body of a refusal, in the format of auth-js. */
export function refusalBody({ status, code, message, reasons }: AuthRefusal) {
  const weakness = reasons ? { weak_password: { reasons } } : {};
  return { code: status, error_code: code, msg: message, ...weakness };
}

/**
 * A log line about an unexpected error. It omits the message, in which a database quotes values, as
 * passwords and tokens must not be logged.
 */
export function describeUnexpected(error: unknown): string {
  if (!(error instanceof Error)) return 'auth: a value that is not an Error was thrown';
  const frames = error.stack?.split('\n').filter((line) => line.startsWith('    at ')) ?? [];
  return [`auth: unexpected ${error.name} ${sqlState(error) ?? ''}`.trimEnd(), ...frames].join(
    '\n',
  );
}

function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return String(error.code);
}

function isTakenEmail(error: unknown): boolean {
  return (
    error instanceof Error &&
    'constraint_name' in error &&
    error.constraint_name === 'users_email_partial_key'
  );
}
