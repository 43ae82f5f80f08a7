import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useSession } from '../session/session-context.ts';
import type { Key, KeyAttention } from './key.ts';
import { answerOf } from './refusal.ts';

/** Filters for keys, as arguments of the database functions. */
export interface KeyQuery {
  /** One of the states, or `undeleted`. */
  state?: string;
  /** Any part of the label or keyId. */
  search?: string;
  tier?: string;
  live_mode?: boolean;
  sort?: string;
}

/** A page of keys, and the cursor of the next page, if any. */
export interface KeyPage {
  items: Key[];
  next_cursor: string | null;
}

/**
 * A page of the signed-in user's keys, starting at `cursor`. The old page stays until the new one has
 * loaded.
 */
export function useKeyPage(
  query: KeyQuery,
  { limit, cursor = '', enabled = true }: { limit: number; cursor?: string; enabled?: boolean },
) {
  const { supabase } = useSession();
  return useQuery({
    queryKey: ['keys', query, limit, cursor],
    queryFn: async ({ signal }): Promise<KeyPage> =>
      (await answerOf(
        supabase
          .rpc('list_proxy_keys', { ...query, limit, ...(cursor ? { cursor } : {}) })
          .abortSignal(signal),
      )) as unknown as KeyPage,
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
    enabled,
  });
}

/** The number of the signed-in user's keys per state, and the keys that need attention. */
export function useKeyAttention() {
  const { supabase } = useSession();
  return useQuery({
    queryKey: ['keys', 'attention'],
    queryFn: async ({ signal }): Promise<KeyAttention> =>
      (await answerOf(
        supabase.rpc('proxy_key_attention').abortSignal(signal),
      )) as unknown as KeyAttention,
    refetchInterval: 10_000,
  });
}

/** One key of the signed-in user, by its keyId or uuid. */
export function useKey(id: string, { enabled = true } = {}) {
  const { supabase } = useSession();
  return useQuery({
    queryKey: ['key', id],
    queryFn: async ({ signal }): Promise<Key> =>
      (await answerOf(supabase.rpc('get_proxy_key', { id }).abortSignal(signal))) as Key,
    refetchInterval: 10_000,
    enabled,
  });
}
