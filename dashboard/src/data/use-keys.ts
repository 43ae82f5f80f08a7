import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useSession } from '../session/session-context.ts';
import type { Key, KeyAttention } from './key.ts';
import { answerOf } from './refusal.ts';

/** Which keys are wanted, as the database's functions take it; what is left out is no filter. */
export interface KeyQuery {
  /** One of the states, or undeleted. */
  state?: string;
  /** What the label or the keyId contains. */
  search?: string;
  tier?: string;
  live_mode?: boolean;
  sort?: string;
}

/** Some keys, and the place where the next page begins, if there is one. */
export interface KeyPage {
  items: Key[];
  next_cursor: string | null;
}

/** A page of the signed-in user's keys, from `cursor` on. What is shown stays until another has come. */
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

/** How many of the signed-in user's keys are in which state, and which need attention. */
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
