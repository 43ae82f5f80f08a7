import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useSession } from '../session/session-context.ts';
import type { UsageEvent } from './key.ts';
import { useReader } from './reader.ts';
import { answerOf } from './refusal.ts';

/** Filters for a key's events, as arguments of the database functions. */
export interface EventQuery {
  /** RFC 3339, inclusive. */
  from?: string;
  /** RFC 3339, exclusive. */
  to?: string;
  status_code?: number;
  target_host?: string;
  code?: string;
}

/** A page of events, newest first, and the cursor of the older ones, if any. */
export interface EventPage {
  items: UsageEvent[];
  next_cursor: string | null;
}

/**
 * A page of a key's events, starting at `cursor`. With `follow`, the first page is refetched every
 * 10 seconds; older pages are not.
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
