import type { PostgrestError } from '@supabase/supabase-js';
import { camelCase } from './field-names.ts';
import { isProblemCode, Problem } from './problem.ts';

/**
 * Turns the database's refusal into the problem that a caller of HTTP gets. The database sends the
 * stable code as `hint`; what else can come from PostgREST or Postgres is told apart by its code.
 */
export function problemOfDatabaseError(error: PostgrestError, status: number): Problem {
  if (error.hint === 'rate_limited') {
    const seconds = Number(error.details);
    return new Problem('rate_limited', {
      detail: `Too many requests of this kind: try again in ${seconds} s.`,
      headers: { 'Retry-After': String(seconds) },
    });
  }
  if (error.hint === 'invalid_request') {
    const argument = error.details ?? '';
    const path = argument === 'idempotency_key' ? 'Idempotency-Key' : camelCase(argument);
    return new Problem('invalid_request', {
      detail: 'The request has a field that cannot be used: see `errors`.',
      errors: [{ path, message: fieldRules[path] ?? 'This value cannot be used.' }],
    });
  }
  if (error.hint === 'already_done') {
    return new Problem('already_done', { detail: error.message, id: error.details });
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
    'A label has 1 to 80 characters, not counting space at its ends; some can be seen, and none controls text or its direction.',
  tier: 'There is no such tier.',
  liveMode: 'Either true or false.',
  allowedIps:
    'At most 50 IPv4 or IPv6 addresses or CIDR ranges, with no bits behind the mask: 203.0.113.0/24.',
  expiresAt: 'An RFC 3339 time to come, or null.',
  graceSeconds: 'A whole number of seconds from 0 to 30.',
  reason:
    'A reason has 1 to 500 characters; some can be seen, and none controls text or its direction.',
  cursor: 'Not a cursor: begin without one.',
  limit: 'A whole number from 1 to 200.',
  page: 'A page among the newest 10,000 rows, without a cursor: go further by the `Link` of a page.',
  period: 'A month as YYYY-MM, this one or up to 13 back.',
  from: 'An RFC 3339 time of this century, at most 1,000 intervals before `to`.',
  to: 'An RFC 3339 time of this century, later than `from`.',
  bandwidthLimitBytes: 'A whole number of bytes from 0 to 9007199254740991, or null.',
  rateLimit: 'A whole number from 1 to 1000000, or null.',
  user: 'The id or the e-mail address of a user.',
  'Idempotency-Key': '1 to 255 visible ASCII characters.',
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
