import { useQuery } from '@tanstack/react-query';
import { useSession } from '../session/session-context.ts';
import type { Tier } from './key.ts';
import { answerOf } from './refusal.ts';

/** All tiers, the smallest first. */
export function useTiers() {
  const { supabase } = useSession();
  return useQuery({
    queryKey: ['tiers'],
    queryFn: ({ signal }): Promise<Tier[]> =>
      answerOf(
        supabase.from('proxy_tiers').select().order('bandwidth_limit_bytes').abortSignal(signal),
      ),
    staleTime: 10 * 60_000,
  });
}

/** The tiers granted to the signed-in user. */
export function useGrantedTiers() {
  const { supabase } = useSession();
  return useQuery({
    queryKey: ['granted-tiers'],
    queryFn: async ({ signal }): Promise<string[]> => {
      const granted = supabase.rpc('list_own_proxy_tier_grants').abortSignal(signal);
      return (await answerOf(granted)).flatMap(({ tier }) => tier ?? []);
    },
  });
}
