import { useInfiniteQuery } from '@tanstack/react-query';
import { useSession } from '../session/session-context.ts';
import type { AuditEntry } from './key.ts';
import { answerOf } from './refusal.ts';

const pageSize = 50;

/** What was done to a key (by its uuid), newest first, in pages. */
export function useAudit(id: string) {
  const { supabase } = useSession();
  return useInfiniteQuery({
    queryKey: ['key-audit', id],
    queryFn: ({ signal, pageParam: last }): Promise<AuditEntry[]> => {
      let entries = supabase
        .from('proxy_key_audit')
        .select()
        .eq('api_key_id', id)
        .order('occurred_at', { ascending: false })
        .order('id', { ascending: false })
        // one more than is shown tells whether there are older ones
        .limit(pageSize + 1);
      if (last) {
        const { occurred_at, id: lastId } = last;
        entries = entries.or(
          `occurred_at.lt."${occurred_at}",and(occurred_at.eq."${occurred_at}",id.lt.${lastId})`,
        );
      }
      return answerOf(entries.abortSignal(signal));
    },
    initialPageParam: undefined as AuditEntry | undefined,
    getNextPageParam: (page) => (page.length > pageSize ? page[pageSize - 1] : undefined),
    select: ({ pages }) => pages.flatMap((page) => page.slice(0, pageSize)),
    // what an admin does is seen too, unless somebody reads further down
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 1) > 1 ? false : 10_000),
  });
}
