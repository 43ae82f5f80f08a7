import type { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { fieldErrors } from './body.ts';
import { Problem } from './problem.ts';

/**
 * Reads the query string; `schema` is strict. Throws a Problem for a parameter that is unknown, repeated
 * or unusable.
 */
export function readQuery<Schema extends z.ZodObject>(
  context: Context,
  schema: Schema,
): z.output<Schema> {
  const { searchParams } = new URL(context.req.url);
  // the platform's API gateway takes its key from here too
  searchParams.delete('apikey');
  const given = Object.fromEntries(
    [...searchParams.keys()].map((name) => {
      const values = searchParams.getAll(name);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );
  const result = schema.safeParse(given);
  if (result.success) return result.data as z.output<Schema>;
  throw new Problem('invalid_request', {
    detail: 'The query has parameters that cannot be used: see `errors`.',
    errors: fieldErrors(result.error),
  });
}
