import { z } from '@hono/zod-openapi';
import { camelCase, snakeCase } from './field-names.ts';

/** Converts a time from the database's format to RFC 3339 in UTC. */
export const time = z
  .string()
  .transform(inMilliseconds)
  .openapi({ type: 'string', format: 'date-time' });

export const timeOrNull = z
  .string()
  .nullable()
  .transform((text) => (text === null ? null : inMilliseconds(text)))
  .openapi({ type: ['string', 'null'], format: 'date-time' });

/** A UTC time with milliseconds. The database's times are in UTC already, where `Date` would take ten times as long. */
function inMilliseconds(text: string): string {
  if (!text.endsWith('+00:00')) return new Date(text).toISOString();
  return `${text.slice(0, 19)}.${text.slice(20, -6).padEnd(3, '0').slice(0, 3)}Z`;
}

/** A number of bytes or requests: the database's bigint, which JSON represents exactly up to 2^53 - 1. */
export const count = z.int().nonnegative();

export const billedBytes = count.openapi({
  description: 'The part of these bytes, in and out, that live keys used.',
});

/**
 * A response schema that reads a database row: each camelCase field from its snake_case column.
 * Columns without a field are left out. Values are not checked here, which would cost time on every
 * list: tests check every response against its description.
 */
export function ofRow<Shape extends z.ZodRawShape>(name: string, shape: Shape) {
  const answer = z.strictObject(shape).openapi(name);
  const fields = Object.entries(shape).map(
    ([field, schema]) => [field, snakeCase(field), readerOf(schema)] as const,
  );
  return {
    /** The schema for the OpenAPI description. */
    answer,
    read(row: unknown): z.output<typeof answer> {
      const values = row as Record<string, unknown>;
      const item: Record<string, unknown> = {};
      for (const [field, column, read] of fields) item[field] = read(values[column]);
      return item as z.output<typeof answer>;
    },
  };
}

/** How a database value becomes the value of a field. */
function readerOf(schema: z.core.$ZodType): (value: unknown) => unknown {
  if (schema instanceof z.ZodPipe) return (value) => schema.parse(value);
  if (schema instanceof z.ZodObject) return inCamelCase;
  return (value) => value;
}

function inCamelCase(object: unknown): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(object as object).map(([name, value]) => [camelCase(name), value]),
  );
}
