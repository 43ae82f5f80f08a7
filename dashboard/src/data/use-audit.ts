import { useInfiniteQuery } from '@tanstack/react-query';
import { useSession } from '../session/session-context.ts';
import type { AuditEntry } from './key.ts';
import { useReader } from './reader.ts';
import { answerOf } from './refusal.ts';

/** The audit history of a key (by its uuid), newest first, 50 entries per page. */
export function useAudit(id: string) {
  const { supabase } = useSession();
  const { asked } = useReader();
  return useInfiniteQuery({
    queryKey: ['key-audit', id, asked],
    queryFn: async ({ signal, pageParam }) => {
      const { items, next_cursor } = await answerOf(
        supabase
          .rpc('list_proxy_key_audit', {
            id,
            limit: 50,
            ...asked,
            ...(pageParam ? { cursor: pageParam } : {}),
          })
          .abortSignal(signal),
      );
      return { items: items as unknown as AuditEntry[], next_cursor };
    },
    initialPageParam: '',
    getNextPageParam: ({ next_cursor }) => next_cursor,
    select: ({ pages }): AuditEntry[] => pages.flatMap(({ items }) => items),
    // new entries appear by themselves, unless the user has loaded more pages
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 1) > 1 ? false : 10_000),
  });
}
