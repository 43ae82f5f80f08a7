import type { Context } from 'hono';

/** The request's `Idempotency-Key`, which the database validates; undefined without one. */
export function idempotencyKeyOf(context: Context): string | undefined {
  return context.req.header('Idempotency-Key');
}
