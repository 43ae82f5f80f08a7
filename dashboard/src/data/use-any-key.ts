import { useQuery } from '@tanstack/react-query';
import { useSession } from '../session/session-context.ts';
import type { Account } from './burns.ts';
import type { FoundKey, UsageEvent } from './key.ts';
import { answerOf } from './refusal.ts';

/** A user as admins see one. */
export interface Person {
  user_id: string | null;
  email: string | null;
  /** Whether the account was removed. */
  removed: boolean;
  /** Null if the account is not banned; in the year 2100 for a permanent ban. */
  barred_until: string | null;
}

/** The data that explains why a key is refused. */
export interface KeyReading {
  key: FoundKey;
  owner: Person;
  /** Null if the account was removed. */
  account: Account | null;
  /** The newest event that is kept. */
  last_event: UsageEvent | null;
}

/** A key of any user, by its uuid or its keyId in any case. For admins. */
export function useAnyKey(id: string) {
  const { supabase } = useSession();
  return useQuery({
    queryKey: ['any-key', id],
    queryFn: async ({ signal }): Promise<KeyReading> =>
      (await answerOf(
        supabase.rpc('find_proxy_key', { id }).abortSignal(signal),
      )) as unknown as KeyReading,
    refetchInterval: 10_000,
  });
}
