import { useInfiniteQuery } from '@tanstack/react-query';
import { useSession } from '../session/session-context.ts';
import type { TierGrant } from './key.ts';
import { answerOf } from './refusal.ts';
import { usePageSize } from './use-page-size.ts';

/** Filters for grants. */
export interface GrantQuery {
  /** An id or an e-mail address. */
  user?: string;
  tier?: string;
}

/** The matching grants of all users, newest first. For admins. */
export function useGrants(wanted: GrantQuery) {
  const { supabase } = useSession();
  const limit = usePageSize();
  return useInfiniteQuery({
    queryKey: ['grants', wanted, limit],
    queryFn: async ({ signal, pageParam }) => {
      const { items, next_cursor } = await answerOf(
        supabase
          .rpc('list_proxy_tier_grants', {
            ...wanted,
            limit,
            ...(pageParam ? { cursor: pageParam } : {}),
          })
          .abortSignal(signal),
      );
      return { items: items as unknown as TierGrant[], next_cursor };
    },
    initialPageParam: '',
    getNextPageParam: ({ next_cursor }) => next_cursor,
    select: ({ pages }): TierGrant[] => pages.flatMap(({ items }) => items),
  });
}
