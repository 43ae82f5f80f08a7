import { useQuery } from '@tanstack/react-query';
import { useSession } from '../session/session-context.ts';
import type { Account, BurnSort, KeyUsage, OutcomeUsage, TargetUsage } from './burns.ts';
import type { Supabase } from './database.ts';
import { answerOf } from './refusal.ts';
import type { UsageSpan } from './use-usage.ts';

/** The month of the account, tier by tier. */
export function useAccount() {
  const { supabase } = useSession();
  return useQuery({
    queryKey: ['account'],
    queryFn: async ({ signal }): Promise<Account> =>
      (await answerOf(supabase.rpc('proxy_account').abortSignal(signal))) as unknown as Account,
    refetchInterval: 10_000,
  });
}

/** What each key used in a month, and whether there are older keys that were not read. */
export interface UsageByKey {
  keys: KeyUsage[];
  hasMore: boolean;
}

const mostPages = 10;
const pageSize = 200;

/** What each of the user's keys, deleted ones too, used in a month (`YYYY-MM`, UTC). */
export function useUsageByKey(period: string) {
  const { supabase } = useSession();
  return useQuery({
    queryKey: ['usage-by-key', period],
    queryFn: ({ signal }) => readByKey(supabase, period, signal),
    // many pages are not worth it more often
    refetchInterval: ({ state }) => ((state.data?.keys.length ?? 0) > pageSize ? 60_000 : 10_000),
  });
}

async function readByKey(
  supabase: Supabase,
  period: string,
  signal: AbortSignal,
): Promise<UsageByKey> {
  const keys: KeyUsage[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < mostPages; page++) {
    const part: { items: unknown; next_cursor: string | null } = await answerOf(
      supabase
        .rpc('proxy_usage_by_key', { period, limit: pageSize, ...(cursor ? { cursor } : {}) })
        .abortSignal(signal),
    );
    keys.push(...(part.items as KeyUsage[]));
    cursor = part.next_cursor;
    if (!cursor) break;
  }
  return { keys, hasMore: cursor !== null };
}

/** Which targets or outcomes are asked for, as the database's functions take it. */
export interface BurnQuery {
  span: UsageSpan;
  /** Of one key alone, by its keyId or uuid. */
  keyId?: string | undefined;
  sort: BurnSort;
}

/** The arguments of a span and key that all functions on targets and outcomes take. */
export function burnArguments({ span, keyId, sort }: BurnQuery) {
  return {
    from: span.from.toISOString(),
    to: span.to.toISOString(),
    sort,
    ...(keyId ? { key_id: keyId } : {}),
  };
}

/** What was moved to each host or site, in whole days. */
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

/** How requests ended, by hour or day as the span is. */
export function useOutcomes(query: BurnQuery) {
  const { supabase } = useSession();
  const values = { ...burnArguments(query), interval: query.span.interval };
  return useQuery({
    queryKey: ['usage-outcomes', values],
    queryFn: async ({ signal }): Promise<OutcomeUsage> =>
      (await answerOf(
        supabase.rpc('proxy_usage_outcomes', values).abortSignal(signal),
      )) as unknown as OutcomeUsage,
    refetchInterval: 30_000,
  });
}
