import { useQuery } from '@tanstack/react-query';
import { useSession } from '../session/session-context.ts';
import type { Account, BurnSort, KeyUsage, OutcomeUsage, TargetUsage } from './burns.ts';
import { useReader } from './reader.ts';
import { answerOf } from './refusal.ts';
import type { UsageSpan } from './use-usage.ts';

/** The account's month, by tier. */
export function useAccount() {
  const { supabase } = useSession();
  return useQuery({
    queryKey: ['account'],
    queryFn: async ({ signal }): Promise<Account> =>
      (await answerOf(supabase.rpc('proxy_account').abortSignal(signal))) as unknown as Account,
    refetchInterval: 10_000,
  });
}

/** The keys with the most traffic in a month, and the traffic of all keys. */
export interface TopKeys {
  keys: KeyUsage[];
  totalBytes: number;
}

/** The user's `limit` keys with the most traffic in a month (`YYYY-MM`, UTC), including deleted ones. */
export function useTopKeys(period: string, limit: number) {
  const { supabase } = useSession();
  return useQuery({
    queryKey: ['top-keys', period, limit],
    queryFn: async ({ signal }): Promise<TopKeys> => {
      const [{ items }, { total_bandwidth_bytes }] = await Promise.all([
        answerOf(
          supabase.rpc('proxy_usage_by_key', { period, limit, sort: 'bytes' }).abortSignal(signal),
        ),
        answerOf(supabase.rpc('proxy_usage_summary', { period }).abortSignal(signal)),
      ]);
      return { keys: items as unknown as KeyUsage[], totalBytes: total_bandwidth_bytes ?? 0 };
    },
    refetchInterval: 30_000,
  });
}

/** A query for targets or outcomes. */
export interface BurnQuery {
  span: UsageSpan;
  /** Only this key, by its keyId or uuid. */
  keyId?: string | undefined;
  sort: BurnSort;
}

/** The arguments that all database functions for targets and outcomes take. */
export function burnArguments({ span, keyId, sort }: BurnQuery) {
  return {
    from: span.from.toISOString(),
    to: span.to.toISOString(),
    sort,
    ...(keyId ? { key_id: keyId } : {}),
  };
}

/** The traffic to each host or site, in whole days. */
export function useTargets(
  query: BurnQuery,
  { by, limit }: { by: 'host' | 'site'; limit: number },
) {
  const { supabase } = useSession();
  const values = { ...burnArguments(query), by, limit };
  return useQuery({
    queryKey: ['usage-targets', values],
    queryFn: async ({ signal }): Promise<TargetUsage> =>
      (await answerOf(
        supabase.rpc('proxy_usage_targets', values).abortSignal(signal),
      )) as unknown as TargetUsage,
    refetchInterval: 30_000,
  });
}

/** How requests ended, in the span's interval. */
export function useOutcomes(query: BurnQuery) {
  const { supabase } = useSession();
  const { asked } = useReader();
  const values = { ...burnArguments(query), interval: query.span.interval, ...asked };
  return useQuery({
    queryKey: ['usage-outcomes', values],
    queryFn: async ({ signal }): Promise<OutcomeUsage> =>
      (await answerOf(
        supabase.rpc('proxy_usage_outcomes', values).abortSignal(signal),
      )) as unknown as OutcomeUsage,
    refetchInterval: 30_000,
  });
}
