import { useInfiniteQuery } from '@tanstack/react-query';
import { useSession } from '../session/session-context.ts';
import type { Account } from './burns.ts';
import { answerOf } from './refusal.ts';
import type { Person } from './use-any-key.ts';
import { usePageSize } from './use-page-size.ts';

/** A user with the account, and this month's traffic of all keys. */
export type UserUsage = Person & Account & { user_id: string; used_bytes: number };

/** The users with traffic this month, the most first; or one user (id or e-mail address). */
export function useUsers(user: string) {
  const { supabase } = useSession();
  const limit = usePageSize();
  return useInfiniteQuery({
    queryKey: ['users', user, limit],
    queryFn: async ({ signal, pageParam }) => {
      const { items, next_cursor } = await answerOf(
        supabase
          .rpc('list_proxy_users', {
            limit,
            ...(user ? { user } : {}),
            ...(pageParam ? { cursor: pageParam } : {}),
          })
          .abortSignal(signal),
      );
      return { items: items as unknown as UserUsage[], next_cursor };
    },
    initialPageParam: '',
    getNextPageParam: ({ next_cursor }) => next_cursor,
    // at the turn of a month usage starts again, so a user may be on two pages
    select: ({ pages }): UserUsage[] => [
      ...new Map(pages.flatMap(({ items }) => items.map((item) => [item.user_id, item]))).values(),
    ],
  });
}
