import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';

const part = z.object({ csv: z.string(), next_cursor: z.string().nullable() });

const headers = {
  'Content-Type': 'text/csv; charset=utf-8; header=present',
  'Content-Disposition': 'attachment; filename="events.csv"',
};

/** Answers HEAD as `streamCsv` answers GET. */
export function announceCsv(context: Context): Response {
  return context.body(null, 200, headers);
}

/**
 * Answers with CSV that the database makes part by part. The next part is asked for when the client
 * has taken the last, so one is held at a time, however many there are. The first is awaited before
 * the answer begins: its refusals are problem documents. A later failure is told to `onFailure`, and
 * breaks the stream off.
 */
export async function streamCsv(
  context: Context,
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
  return context.body(body, 200, headers);
}
