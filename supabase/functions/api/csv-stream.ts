import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { accepts } from 'hono/accepts';
import { Problem } from '../_shared/problem.ts';

const part = z.object({ csv: z.string(), next_cursor: z.string().nullable() });

const headersOf = (name: string) => ({
  'Content-Type': 'text/csv; charset=utf-8; header=present',
  'Content-Disposition': `attachment; filename="${name}.csv"`,
});

/** The headers of a response that can be a CSV stream, for the description. */
export const csvHeaders = {
  'Cache-Control': z.enum(['no-store', 'no-store, no-transform']).openapi({
    description: '`no-transform` with CSV, which must not be compressed in transit.',
  }),
  'Content-Disposition': z.string().optional().openapi({ description: 'Only with CSV.' }),
};

/** Whether the client prefers CSV to JSON. */
export function wantsCsv(context: Context): boolean {
  const wanted = accepts(context, {
    header: 'Accept',
    supports: ['application/json', 'text/csv'],
    default: 'application/json',
    match: (ranges) =>
      worth('text/csv', ranges) > worth('application/json', ranges)
        ? 'text/csv'
        : 'application/json',
  });
  return wanted === 'text/csv';
}

/** RFC 9110: a media type has the quality value of the most specific range that covers it. */
function worth(type: string, ranges: { type: string; q: number }[]): number {
  const covering = [type, type.replace(/\/.*/, '/*'), '*/*'];
  const range = covering
    .map((name) => ranges.find((given) => given.type.toLowerCase() === name))
    .find((found) => found !== undefined);
  return range?.q ?? 0;
}

/** Refuses parameters that would truncate the CSV: a refusal is better than an export cut short by mistake. */
export function refuseWithCsv(query: Record<string, unknown>, names: string[]): void {
  const errors = names
    .filter((name) => query[name] !== undefined)
    .map((path) => ({
      path,
      message: 'CSV always has all rows: remove this parameter.',
    }));
  if (errors.length === 0) return;
  throw new Problem('invalid_request', {
    detail: 'The query has invalid parameters: see `errors`.',
    errors,
  });
}

/** Responds with CSV in one part. */
export function respondWithCsv(context: Context, name: string, row: unknown): Response {
  return context.body(part.parse(row).csv, 200, headersOf(name));
}

/** Answers HEAD like `streamCsv` answers GET. */
export function announceCsv(context: Context, name: string): Response {
  forbidCompression(context);
  return context.body(null, 200, headersOf(name));
}

/**
 * Responds with CSV that the database produces in parts. It requests the next part when the client
 * has read the last one, so it holds only one part at a time. It awaits the first part before the
 * response starts, so refusals become problem documents. A later failure is passed to `onFailure` and
 * aborts the stream.
 */
export async function streamCsv(
  context: Context,
  name: string,
  readPart: (cursor: string | undefined) => Promise<unknown>,
  onFailure: (error: unknown) => void,
): Promise<Response> {
  const encoder = new TextEncoder();
  let next: z.output<typeof part> | null = part.parse(await readPart(undefined));
  let cursor = next.next_cursor;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { csv, next_cursor } = next ?? part.parse(await readPart(cursor ?? undefined));
          next = null;
          cursor = next_cursor;
          controller.enqueue(encoder.encode(csv));
          if (cursor === null) controller.close();
        } catch (error) {
          onFailure(error);
          throw error;
        }
      },
    },
    { highWaterMark: 0 },
  );
  forbidCompression(context);
  return context.body(body, 200, headersOf(name));
}

/** The platform's runtime compresses responses unless forbidden, and that uses the function's CPU time. */
function forbidCompression(context: Context): void {
  context.header('Cache-Control', 'no-store, no-transform');
}
