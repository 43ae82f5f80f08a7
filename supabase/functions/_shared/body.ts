import type { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { type FieldError, Problem } from './problem.ts';

/**
 * Reads and validates a JSON body. Throws a Problem that names each invalid field; an unknown field
 * is invalid too, so that a misspelled one is not silently ignored.
 */
export async function readBody<Schema extends z.ZodType>(
  context: Context,
  schema: Schema,
): Promise<z.output<Schema>> {
  return check(await context.req.arrayBuffer(), context, schema);
}

/** Like `readBody`, for routes whose fields are all optional: no body is the same as `{}`. */
export async function readOptionalBody<Schema extends z.ZodType>(
  context: Context,
  schema: Schema,
): Promise<z.output<Schema>> {
  const bytes = await context.req.arrayBuffer();
  return bytes.byteLength > 0 ? check(bytes, context, schema) : schema.parse({});
}

function check<Schema extends z.ZodType>(
  bytes: ArrayBuffer,
  context: Context,
  schema: Schema,
): z.output<Schema> {
  requirePlain(context.req.header('Content-Encoding'));
  requireJson(context.req.header('Content-Type'));
  const result = schema.safeParse(parseJson(bytes));
  if (result.success) return result.data;
  throw new Problem('invalid_request', {
    detail: 'The body has invalid fields: see `errors`.',
    errors: fieldErrors(result.error),
  });
}

/** RFC 9110, 15.5.16: `Accept-Encoding` shows that the coding is the problem, not the media type. */
function requirePlain(contentEncoding = ''): void {
  const codings = contentEncoding.split(',').map((coding) => coding.trim().toLowerCase());
  if (codings.every((coding) => coding === '' || coding === 'identity')) return;
  throw new Problem('unsupported_media_type', {
    detail: 'Send the body uncompressed: a compressed body is not accepted.',
    headers: { 'Accept-Encoding': 'identity' },
  });
}

function requireJson(contentType = ''): void {
  if (/^application\/json *(;|$)/i.test(contentType)) return;
  throw new Problem('unsupported_media_type', {
    detail: 'Send the body as JSON, with `Content-Type: application/json`.',
  });
}

function parseJson(bytes: ArrayBuffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new Problem('invalid_request', {
      detail: 'The body is not valid JSON in UTF-8.',
      errors: [{ path: '', message: 'Not valid JSON.' }],
    });
  }
}

/** Zod's issues by field, with one entry for each unknown field. */
export function fieldErrors(error: z.ZodError): FieldError[] {
  return error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ path: key, message: 'No such field exists.' }))
      : [{ path: issue.path.join('.'), message: issue.message }],
  );
}
