import { useInfiniteQuery } from '@tanstack/react-query';
import { useSession } from '../session/session-context.ts';
import type { Alert } from './alert.ts';
import { answerOf } from './refusal.ts';
import { usePageSize } from './use-page-size.ts';

/** Filters for alerts. */
export interface AlertQuery {
  /** A keyId or a uuid. */
  id?: string;
  type?: string;
}

/** The signed-in user's alerts of the last 90 days, newest first. */
export function useAlerts(wanted: AlertQuery) {
  const { supabase } = useSession();
  const limit = usePageSize();
  return useInfiniteQuery({
    queryKey: ['alerts', wanted, limit],
    queryFn: async ({ signal, pageParam }) => {
      const { items, next_cursor } = await answerOf(
        supabase
          .rpc('list_proxy_alerts', {
            ...wanted,
            limit,
            ...(pageParam ? { cursor: pageParam } : {}),
          })
          .abortSignal(signal),
      );
      return { items: items as unknown as Alert[], next_cursor };
    },
    initialPageParam: '',
    getNextPageParam: ({ next_cursor }) => next_cursor,
    select: ({ pages }): Alert[] => pages.flatMap(({ items }) => items),
    // new alerts appear by themselves, unless the user has loaded more pages
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 1) > 1 ? false : 10_000),
  });
}
