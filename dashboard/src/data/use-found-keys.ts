import { useInfiniteQuery } from '@tanstack/react-query';
import { useSession } from '../session/session-context.ts';
import type { FoundKey } from './key.ts';
import { answerOf } from './refusal.ts';
import { usePageSize } from './use-page-size.ts';

/** Filters for keys. */
export interface FoundKeysQuery {
  /** A keyId or a uuid. */
  key_id?: string;
  /** An id or an e-mail address. */
  user?: string;
  /** Any part of the label. */
  label?: string;
  state?: string;
  tier?: string;
  live_mode?: boolean;
}

/** The matching keys of all users, newest first. For admins. */
export function useFoundKeys(wanted: FoundKeysQuery) {
  const { supabase } = useSession();
  const limit = usePageSize();
  return useInfiniteQuery({
    queryKey: ['found-keys', wanted, limit],
    queryFn: async ({ signal, pageParam }) => {
      const { items, next_cursor } = await answerOf(
        supabase
          .rpc('find_proxy_keys', {
            ...wanted,
            limit,
            ...(pageParam ? { cursor: pageParam } : {}),
          })
          .abortSignal(signal),
      );
      return { items: items as unknown as FoundKey[], next_cursor };
    },
    initialPageParam: '',
    getNextPageParam: ({ next_cursor }) => next_cursor,
    select: ({ pages }): FoundKey[] => pages.flatMap(({ items }) => items),
  });
}
