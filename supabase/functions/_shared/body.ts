import type { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { type FieldError, Problem } from './problem.ts';

/**
 * Reads and checks a JSON body. Throws a Problem that names each field at fault; an unknown field is
 * a fault, so that a misspelt one is not silently ignored.
 */
export async function readBody<Schema extends z.ZodType>(
  context: Context,
  schema: Schema,
): Promise<z.output<Schema>> {
  return check(await context.req.arrayBuffer(), context, schema);
}

/** As `readBody`, for routes whose fields are all optional: no body is as good as `{}`. */
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
    detail: 'The body has fields that cannot be used: see `errors`.',
    errors: fieldErrors(result.error),
  });
}

/** RFC 9110, 15.5.16: `Accept-Encoding` says that the coding is at fault, and not the media type. */
function requirePlain(contentEncoding = ''): void {
  const codings = contentEncoding.split(',').map((coding) => coding.trim().toLowerCase());
  if (codings.every((coding) => coding === '' || coding === 'identity')) return;
  throw new Problem('unsupported_media_type', {
    detail: 'Send the body as it is: a compressed one is not taken.',
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
      detail: 'The body is not JSON in UTF-8.',
      errors: [{ path: '', message: 'Not JSON.' }],
    });
  }
}

/** What zod found, by field: each unknown one by its name. */
export function fieldErrors(error: z.ZodError): FieldError[] {
  return error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ path: key, message: 'There is no such field.' }))
      : [{ path: issue.path.join('.'), message: issue.message }],
  );
}
