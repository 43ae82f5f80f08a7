import { useQuery } from '@tanstack/react-query';
import { useSession } from '../session/session-context.ts';
import type { Threshold } from './alert.ts';
import { answerOf } from './refusal.ts';

/** The thresholds of the signed-in user: first the account's, then those of keys with their own. */
export function useThresholds() {
  const { supabase } = useSession();
  return useQuery({
    queryKey: ['alert-thresholds'],
    queryFn: async ({ signal }): Promise<Threshold[]> =>
      (await answerOf(
        supabase.rpc('list_proxy_alert_thresholds').abortSignal(signal),
      )) as Threshold[],
  });
}
