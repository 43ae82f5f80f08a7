import { Hono } from 'hono';
import { expect, it } from 'vitest';
import { streamCsv } from '../../../supabase/functions/api/csv-stream.ts';

/** An answer built from `parts`: each is a part's rows, or the error of requesting it. */
async function answer(parts: (string | Error)[]) {
  const failures: unknown[] = [];
  const asked: (string | undefined)[] = [];
  const app = new Hono().get('/', (context) =>
    streamCsv(
      context,
      'events',
      async (cursor) => {
        asked.push(cursor);
        const part = parts[asked.length - 1];
        if (part instanceof Error) throw part;
        return { csv: part, next_cursor: asked.length < parts.length ? `${asked.length}` : null };
      },
      (error) => failures.push(error),
    ),
  );
  app.onError((_, context) => context.body(null, 500));
  return { response: await app.request('/'), failures, asked };
}

it('parts are sent in order, each requested from where the previous one ended', async () => {
  const { response, failures, asked } = await answer(['a\r\n', 'b\r\n', 'c\r\n']);
  expect(await response.text()).toBe('a\r\nb\r\nc\r\n');
  expect(asked).toEqual([undefined, '1', '2']);
  expect(failures).toEqual([]);
});

it('a failure after the first part is logged once, and breaks the answer off', async () => {
  const failure = new Error('away');
  const { response, failures } = await answer(['a\r\n', failure, 'c\r\n']);
  expect(response.status).toBe(200);
  await expect(response.text()).rejects.toThrow();
  expect(failures).toEqual([failure]);
});

it('a failure of the first part gets an error answer instead of a stream', async () => {
  const { response, failures } = await answer([new Error('away')]);
  expect(response.status).toBe(500);
  expect(failures).toEqual([]);
});
