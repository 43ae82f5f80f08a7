import type { PostgrestSingleResponse } from '@supabase/supabase-js';

/**
 * Why a call failed. `code` is one of docs/errors.md, or `offline` if no answer came; `detail` is as
 * the table there describes: an argument, a key's id.
 */
export class Refusal extends Error {
  readonly code: string;
  readonly detail: string | undefined;
  /** When a rate-limited call may be retried, in milliseconds since the epoch. */
  readonly retryAt: number | undefined;
  /** The database's explanation for users. */
  readonly sentence: string | undefined;

  constructor(
    code: string,
    options: { detail?: string | undefined; retryAt?: number; sentence?: string | undefined } = {},
  ) {
    super(code);
    this.code = code;
    this.detail = options.detail;
    this.retryAt = options.retryAt;
    this.sentence = options.sentence;
  }

  /** Whether a retry may succeed. */
  get mayPass(): boolean {
    return this.code === 'offline' || this.code === 'unavailable';
  }
}

/** The answer of a database call. Throws Refusal. */
export async function answerOf<T>(call: PromiseLike<PostgrestSingleResponse<T>>): Promise<T> {
  const { data, error, status } = await call;
  if (error) throw toRefusal(error, status, Date.now());
  return data;
}

const unreadable = 'Some of the input is invalid. Check what you entered.';

interface DatabaseError {
  code?: string;
  message?: string;
  hint?: string | null;
  details?: string | null;
}

/** Converts an error of supabase-js. `status` is 0 if no answer came. */
export function toRefusal(
  { code = '', message, hint, details }: DatabaseError,
  status: number,
  now: number,
): Refusal {
  if (/^PT\d{3}$/.test(code) || hint === 'rate_limited') {
    const detail = details ?? undefined;
    const retryAt = hint === 'rate_limited' ? now + Number(details) * 1_000 : undefined;
    return new Refusal(hint ?? 'internal', {
      detail,
      sentence: message,
      ...(retryAt ? { retryAt } : {}),
    });
  }
  if (status === 0) return new Refusal('offline');
  if (status === 401) return new Refusal('unauthorized');
  if (status === 403) return new Refusal('forbidden');
  if (status >= 502 && status <= 504) return new Refusal('unavailable');
  // a value that PostgREST could not parse
  if (status === 400) return new Refusal('invalid_request', { sentence: unreadable });
  return new Refusal('internal');
}
