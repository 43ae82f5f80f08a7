import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { ownParameters } from './query.ts';

/** The header that links a page of a list to the next page. */
export const linkHeader = {
  Link: z.string().optional().openapi({
    description:
      'The next page, relative to this one: `<?…>; rel="next"`. Absent on the last page.',
    example: '<?limit=50&cursor=AAZ…>; rel="next"',
  }),
};

/** `proxy_page`. */
interface Page {
  items: unknown[];
  next_cursor: string | null;
}

/**
 * Responds with a page from the database: a bare array, and the next page's address in `Link`. The
 * address is relative because only the caller knows the path's prefix.
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
