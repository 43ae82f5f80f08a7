import { useQuery } from '@tanstack/react-query';
import { useSession } from '../session/session-context.ts';
import type { Webhook } from './alert.ts';
import { answerOf } from './refusal.ts';

/** The webhooks of the signed-in user, or for admins the operator's, oldest first; at most ten. */
export function useWebhooks(operator: boolean) {
  const { supabase } = useSession();
  return useQuery({
    queryKey: ['webhooks', operator],
    queryFn: async ({ signal }): Promise<Webhook[]> =>
      (await answerOf(
        supabase.rpc('list_proxy_webhooks', { operator }).abortSignal(signal),
      )) as Webhook[],
    refetchInterval: 10_000,
  });
}
