import { useQuery } from '@tanstack/react-query';
import { useSession } from '../session/session-context.ts';
import type { Key, OwnKeys } from './key.ts';
import { answerOf } from './refusal.ts';

/** The keys of the signed-in user: all that are not deleted, and the newest of the deleted. */
export function useKeys() {
  const { supabase } = useSession();
  return useQuery({
    queryKey: ['keys'],
    queryFn: async ({ signal }): Promise<OwnKeys> => {
      const { items, next_cursor } = await answerOf(
        supabase.rpc('list_proxy_keys').abortSignal(signal),
      );
      return { keys: items as unknown as Key[], hasOlder: next_cursor !== null };
    },
    // some hundred kilobytes are not worth it more often
    refetchInterval: ({ state }) => ((state.data?.keys.length ?? 0) > 200 ? 60_000 : 10_000),
  });
}

/** One key of the signed-in user, by its keyId or uuid. */
export function useKey(id: string) {
  const { supabase } = useSession();
  return useQuery({
    queryKey: ['key', id],
    queryFn: async ({ signal }): Promise<Key> =>
      (await answerOf(supabase.rpc('get_proxy_key', { id }).abortSignal(signal))) as Key,
    refetchInterval: 10_000,
  });
}
