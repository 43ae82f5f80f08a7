import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { ownParameters } from './query.ts';

/** The header of a list that has more: how an answer names its next page. */
export const linkHeader = {
  Link: z.string().optional().openapi({
    description: 'The next page, relative to this one: `<?…>; rel="next"`. None on the last page.',
    example: '<?limit=50&cursor=AAZ…>; rel="next"',
  }),
};

/** `proxy_page`. */
interface Page {
  items: unknown[];
  next_cursor: string | null;
}

/**
 * Answers with a page of the database: a bare array, and the next page's address in `Link`. It is
 * relative, as only the caller knows under which prefix the path was reached.
 */
export function respondWithPage<Item>(
  context: Context,
  row: unknown,
  read: (item: unknown) => Item,
): Response {
  const { items, next_cursor: cursor } = row as Page;
  if (cursor !== null) {
    const query = ownParameters(context);
    query.delete('page');
    query.set('cursor', cursor);
    context.header('Link', `<?${query}>; rel="next"`);
  }
  return context.json(items.map(read));
}
