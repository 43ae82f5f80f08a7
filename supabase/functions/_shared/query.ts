import type { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { fieldErrors } from './body.ts';
import { Problem } from './problem.ts';

/** Reads the query string. Throws a Problem for a parameter that is unknown, repeated or unusable. */
export function readQuery<Schema extends z.ZodObject>(
  context: Context,
  schema: Schema,
): z.output<Schema> {
  const given: Record<string, string | string[]> = {};
  for (const [name, values] of Object.entries(context.req.queries())) {
    // the platform's API gateway takes its key from here too
    if (name === 'apikey') continue;
    given[name] = values.length === 1 ? (values[0] as string) : values;
  }
  const result = schema.strict().safeParse(given);
  if (result.success) return result.data as z.output<Schema>;
  throw new Problem('invalid_request', {
    detail: 'The query has parameters that cannot be used: see `errors`.',
    errors: fieldErrors(result.error),
  });
}
