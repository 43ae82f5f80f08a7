import type { ContentfulStatusCode } from 'hono/utils/http-status';

/** A refusal of the Auth API: a status, a code for programs and a sentence for people. */
export class AuthRefusal extends Error {
  readonly status: ContentfulStatusCode;
  readonly code: string;
  /** What a password lacks, for `weak_password` alone. */
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

/** What the stand-in leaves to Supabase Auth itself. */
export function notInStandIn(): AuthRefusal {
  return new AuthRefusal(
    501,
    'not_implemented',
    'The stand-in for Supabase Auth cannot do this. AUTH_BIN runs Supabase Auth itself: docs/platform.md.',
  );
}

/** What the API answers for anything thrown. Of an unexpected error the answer tells nothing. */
export function toRefusal(error: unknown): AuthRefusal {
  if (error instanceof AuthRefusal) return error;
  switch (sqlState(error)) {
    // text that no text or jsonb column can hold, such as a null character
    case '22021':
    case '22P02':
    case '22P05':
      return new AuthRefusal(
        400,
        'validation_failed',
        'A value has a character that cannot be stored.',
      );
    case '23505':
      return isTakenEmail(error)
        ? new AuthRefusal(422, 'email_exists', 'Another user has this e-mail address.')
        : new AuthRefusal(409, 'conflict', 'This already exists.');
    default:
      return new AuthRefusal(
        500,
        'unexpected_failure',
        'Something went wrong. The log of the stack says where.',
      );
  }
}

/** The body of a refusal, as auth-js reads it. */
export function refusalBody({ status, code, message, reasons }: AuthRefusal) {
  const weakness = reasons ? { weak_password: { reasons } } : {};
  return { code: status, error_code: code, msg: message, ...weakness };
}

/**
 * A line for the log about an unexpected error. Without its message, where a database quotes
 * values: a password or a token must not be logged.
 */
export function describeUnexpected(error: unknown): string {
  if (!(error instanceof Error)) return 'auth: something that is no error was thrown';
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
