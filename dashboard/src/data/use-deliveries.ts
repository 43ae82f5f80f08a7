import { useInfiniteQuery } from '@tanstack/react-query';
import { useSession } from '../session/session-context.ts';
import type { Delivery } from './alert.ts';
import { answerOf } from './refusal.ts';
import { usePageSize } from './use-page-size.ts';

/** The deliveries to a webhook, newest alert first. */
export function useDeliveries(webhookId: string, operator: boolean) {
  const { supabase } = useSession();
  const limit = Math.min(usePageSize(), 20);
  return useInfiniteQuery({
    queryKey: ['deliveries', webhookId, operator, limit],
    queryFn: async ({ signal, pageParam }) => {
      const { items, next_cursor } = await answerOf(
        supabase
          .rpc('list_proxy_deliveries', {
            webhook_id: webhookId,
            operator,
            limit,
            ...(pageParam ? { cursor: pageParam } : {}),
          })
          .abortSignal(signal),
      );
      return { items: items as unknown as Delivery[], next_cursor };
    },
    initialPageParam: '',
    getNextPageParam: ({ next_cursor }) => next_cursor,
    select: ({ pages }): Delivery[] => pages.flatMap(({ items }) => items),
    refetchInterval: ({ state }) => {
      const pages = state.data?.pages ?? [];
      if (pages.length > 1) return false;
      // a user who just sent a test is waiting for the result
      return pages[0]?.items.some(isDue) ? 2_000 : 10_000;
    },
  });
}

function isDue({ next_attempt_at }: Delivery): boolean {
  return next_attempt_at !== null && Date.parse(next_attempt_at) < Date.now() + 10_000;
}
