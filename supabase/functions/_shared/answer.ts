import { z } from '@hono/zod-openapi';
import { camelCase, snakeCase } from './field-names.ts';

/** A time as the database writes it, as RFC 3339 in UTC. */
export const time = z
  .string()
  .transform((text) => new Date(text).toISOString())
  .openapi({ type: 'string', format: 'date-time' });

export const timeOrNull = z
  .string()
  .nullable()
  .transform((text) => (text === null ? null : new Date(text).toISOString()))
  .openapi({ type: ['string', 'null'], format: 'date-time' });

/** A number of bytes or requests: the database's bigint, which JSON holds exactly up to 2^53 - 1. */
export const count = z.int().nonnegative();

/**
 * A schema of an answer that reads a row of the database: each camelCase field from its snake_case
 * column. Columns without a field are left out.
 */
export function ofRow<Shape extends z.ZodRawShape>(name: string, shape: Shape) {
  const columns = Object.entries(shape).map(
    ([field, schema]) => [field, snakeCase(field), schema instanceof z.ZodObject] as const,
  );
  const answer = z.strictObject(shape).openapi(name);
  return {
    /** What the description shows, and what is checked. */
    answer,
    read: (row: unknown): z.output<typeof answer> => {
      const values = row as Record<string, unknown>;
      return answer.parse(
        Object.fromEntries(
          columns.map(([field, column, hasFields]) => [
            field,
            hasFields ? inCamelCase(values[column]) : values[column],
          ]),
        ),
      );
    },
  };
}

function inCamelCase(object: unknown): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(object as object).map(([name, value]) => [camelCase(name), value]),
  );
}
