import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useSession } from '../session/session-context.ts';
import type { UsageEvent } from './key.ts';
import { useReader } from './reader.ts';
import { answerOf } from './refusal.ts';

/** Which events of a key are asked for, as the database's functions take it; what is left out is no filter. */
export interface EventQuery {
  /** RFC 3339, included. */
  from?: string;
  /** RFC 3339, not included. */
  to?: string;
  status_code?: number;
  target_host?: string;
  code?: string;
}

/** Some events, newest first, and the place where older ones begin, if there are any. */
export interface EventPage {
  items: UsageEvent[];
  next_cursor: string | null;
}

/**
 * A page of a key's events, from `cursor` on. The first page is read again every 10 s while `follow`;
 * what an older page shows does not move.
 */
export function useEvents(
  id: string,
  query: EventQuery,
  { cursor, follow, size }: { cursor: string | undefined; follow: boolean; size: number },
) {
  const { supabase } = useSession();
  const { asked } = useReader();
  return useQuery({
    queryKey: ['key-events', id, query, size, cursor ?? null, asked],
    queryFn: async ({ signal }): Promise<EventPage> =>
      (await answerOf(
        supabase
          .rpc('list_proxy_key_events', {
            id,
            limit: size,
            ...query,
            ...asked,
            ...(cursor ? { cursor } : {}),
          })
          .abortSignal(signal),
      )) as unknown as EventPage,
    placeholderData: keepPreviousData,
    refetchInterval: follow && !cursor ? 10_000 : false,
  });
}
