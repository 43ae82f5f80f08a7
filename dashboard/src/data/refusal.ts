import type { PostgrestSingleResponse } from '@supabase/supabase-js';

/**
 * Why a call was not answered. `code` is one of docs/errors.md, or `offline` where no answer came;
 * `detail` is what the table there says: an argument, a key's id.
 */
export class Refusal extends Error {
  readonly code: string;
  readonly detail: string | undefined;
  /** When a call that came too early may be made again; milliseconds since the epoch. */
  readonly retryAt: number | undefined;
  /** What the database says of it, for people. */
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

  /** Whether the same call may well be answered a little later. */
  get mayPass(): boolean {
    return this.code === 'offline' || this.code === 'unavailable';
  }
}

/** The answer to a call of the database. Throws Refusal. */
export async function answerOf<T>(call: PromiseLike<PostgrestSingleResponse<T>>): Promise<T> {
  const { data, error, status } = await call;
  if (error) throw toRefusal(error, status, Date.now());
  return data;
}

const unreadable = 'Something in it is not right. Check what you entered.';

interface DatabaseError {
  code?: string;
  message?: string;
  hint?: string | null;
  details?: string | null;
}

/** What a failed call of supabase-js means. `status` is 0 where no answer came. */
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
  // a value that PostgREST could not even read
  if (status === 400) return new Refusal('invalid_request', { sentence: unreadable });
  return new Refusal('internal');
}
