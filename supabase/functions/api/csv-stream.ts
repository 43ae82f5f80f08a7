import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { accepts } from 'hono/accepts';
import { Problem } from '../_shared/problem.ts';

const part = z.object({ csv: z.string(), next_cursor: z.string().nullable() });

const headersOf = (name: string) => ({
  'Content-Type': 'text/csv; charset=utf-8; header=present',
  'Content-Disposition': `attachment; filename="${name}.csv"`,
});

/** The headers of an answer that can be a stream of CSV, for the description. */
export const csvHeaders = {
  'Cache-Control': z.enum(['no-store', 'no-store, no-transform']).openapi({
    description: 'CSV is never compressed on the way.',
  }),
  'Content-Disposition': z.string().optional().openapi({ description: 'With CSV.' }),
};

/** Whether the client would rather have CSV than JSON. */
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

/** RFC 9110: a media type is worth what the most specific range says that covers it. */
function worth(type: string, ranges: { type: string; q: number }[]): number {
  const covering = [type, type.replace(/\/.*/, '/*'), '*/*'];
  const range = covering
    .map((name) => ranges.find((given) => given.type.toLowerCase() === name))
    .find((found) => found !== undefined);
  return range?.q ?? 0;
}

/** Refuses parameters that would leave a part of the CSV out: half by mistake is worse than a refusal. */
export function refuseWithCsv(query: Record<string, unknown>, names: string[]): void {
  const errors = names
    .filter((name) => query[name] !== undefined)
    .map((path) => ({ path, message: 'CSV is all of it: leave it out.' }));
  if (errors.length === 0) return;
  throw new Problem('invalid_request', {
    detail: 'The query has parameters that cannot be used: see `errors`.',
    errors,
  });
}

/** Answers with CSV of one part. */
export function respondWithCsv(context: Context, name: string, row: unknown): Response {
  return context.body(part.parse(row).csv, 200, headersOf(name));
}

/** Answers HEAD as `streamCsv` answers GET. */
export function announceCsv(context: Context, name: string): Response {
  forbidCompression(context);
  return context.body(null, 200, headersOf(name));
}

/**
 * Answers with CSV that the database makes part by part. The next part is asked for when the client
 * has taken the last, so one is held at a time, however many there are. The first is awaited before
 * the answer begins: its refusals are problem documents. A later failure is passed to `onFailure`, and
 * breaks the stream off.
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

/** The platform's runtime compresses what it may transform, within the CPU time of the function. */
function forbidCompression(context: Context): void {
  context.header('Cache-Control', 'no-store, no-transform');
}
