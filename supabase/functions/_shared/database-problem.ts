import type { PostgrestError } from '@supabase/supabase-js';
import { camelCase } from './field-names.ts';
import { isProblemCode, Problem } from './problem.ts';

/**
 * Converts a refusal by the database to the problem that an HTTP caller gets. The database sends the
 * stable code as `hint`; other errors from PostgREST or Postgres are recognized by their code.
 */
export function problemOfDatabaseError(error: PostgrestError, status: number): Problem {
  if (error.hint === 'rate_limited') {
    return new Problem('rate_limited', {
      detail: error.message,
      headers: { 'Retry-After': error.details },
    });
  }
  if (error.hint === 'invalid_request') {
    const argument = error.details ?? '';
    const path = argument === 'idempotency_key' ? 'Idempotency-Key' : camelCase(argument);
    return new Problem('invalid_request', {
      detail: 'The request has an invalid field: see `errors`.',
      errors: [{ path, message: error.message }],
    });
  }
  if (error.hint === 'already_done') {
    return new Problem('already_done', { detail: error.message, id: error.details });
  }
  if (isProblemCode(error.hint)) {
    // the refused key, when a request names several
    const path = /^ids\.\d+$/.test(error.details ?? '') ? error.details : null;
    return new Problem(error.hint, {
      detail: error.message,
      ...(path === null ? {} : { errors: [{ path, message: error.message }] }),
    });
  }
  if (status === 401)
    return new Problem('unauthorized', { detail: 'The access token was refused.' });
  if (isOutage(error, status)) return unavailable(error);
  return new Problem('internal', { detail: 'Something went wrong on our side.', cause: error });
}

/** The database cannot serve the request now. The cause is for the operator, not the caller. */
export function unavailable(cause: unknown): Problem {
  return new Problem('unavailable', {
    detail: 'The database is not available right now: try again shortly.',
    headers: { 'Retry-After': '2' },
    cause,
  });
}

/** No response, PostgREST without a database, or Postgres out of time, resources or service. */
function isOutage(error: PostgrestError, status: number): boolean {
  return (
    status === 0 ||
    status === 502 ||
    status === 503 ||
    status === 504 ||
    /^(PGRST00[0-3]|08...|53...|57P..|57014|55P03|40001|40P01)$/.test(error.code ?? '')
  );
}
