import type { PostgrestError } from '@supabase/supabase-js';
import { isProblemCode, Problem } from './problem.ts';
import { rotationLimit } from './rotation-limit.ts';

/** Names of RPC arguments that HTTP spells otherwise. */
const fieldNames: Record<string, string> = { live_mode: 'liveMode' };

/**
 * Turns the database's refusal into the problem that a caller of HTTP gets. The database sends the
 * stable code as `hint`; what else can come from PostgREST or Postgres is told apart by its code.
 */
export function problemOfDatabaseError(error: PostgrestError, status: number): Problem {
  if (error.hint === 'rate_limited') {
    const seconds = Number(error.details);
    return new Problem('rate_limited', {
      detail: `At most ${rotationLimit.quota} rotations in ${rotationLimit.windowSeconds} seconds: try again in ${seconds} s.`,
      headers: { 'Retry-After': String(seconds), ...rotationLimit.headers(0, seconds) },
    });
  }
  if (error.hint === 'invalid_request') {
    const path = fieldNames[error.details ?? ''] ?? error.details ?? '';
    return new Problem('invalid_request', {
      detail: 'The body has a field that cannot be used.',
      errors: [{ path, message: fieldRules[path] ?? 'This value cannot be used.' }],
    });
  }
  if (isProblemCode(error.hint)) return new Problem(error.hint, { detail: error.message });
  if (status === 401)
    return new Problem('unauthorized', { detail: 'The access token was refused.' });
  if (isOutage(error, status)) {
    return new Problem('unavailable', {
      detail: 'The database does not answer now: try again shortly.',
      headers: { 'Retry-After': '2' },
      cause: error,
    });
  }
  return new Problem('internal', { detail: 'Something went wrong on our side.', cause: error });
}

const fieldRules: Record<string, string> = {
  label:
    'A label has 1 to 80 characters, not counting space at its ends, and no control characters.',
  tier: 'There is no such tier.',
  liveMode: 'Either true or false.',
};

/** No answer at all, PostgREST without a database, or Postgres out of time, room or service. */
function isOutage(error: PostgrestError, status: number): boolean {
  return (
    status === 0 ||
    status === 502 ||
    status === 503 ||
    status === 504 ||
    /^(PGRST00[0-3]|08...|53...|57P..|57014|55P03|40001|40P01)$/.test(error.code ?? '')
  );
}
