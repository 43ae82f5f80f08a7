import type { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { fieldErrors } from './body.ts';
import { Problem } from './problem.ts';

/** Parameters that the platform adds: the API gateway's key, and supabase-js's region of a function. */
const platformParameters = ['apikey', 'forceFunctionRegion'];

/** The query string without the platform's parameters. */
export function ownParameters(context: Context): URLSearchParams {
  const { searchParams } = new URL(context.req.url);
  for (const name of platformParameters) searchParams.delete(name);
  return searchParams;
}

/**
 * Parses the query string; `schema` is strict. Throws a Problem for a parameter that is unknown, repeated
 * or invalid.
 */
export function readQuery<Schema extends z.ZodObject>(
  context: Context,
  schema: Schema,
): z.output<Schema> {
  const parameters = ownParameters(context);
  const given = Object.fromEntries(
    [...parameters.keys()].map((name) => {
      const values = parameters.getAll(name);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );
  const result = schema.safeParse(given);
  if (result.success) return result.data as z.output<Schema>;
  throw new Problem('invalid_request', {
    detail: 'The query has invalid parameters: see `errors`.',
    errors: fieldErrors(result.error),
  });
}
