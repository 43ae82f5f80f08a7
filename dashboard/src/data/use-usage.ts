import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useSession } from '../session/session-context.ts';
import type { UsagePoint, UsageSummary } from './key.ts';
import { answerOf } from './refusal.ts';

/** A span of whole hours or days (UTC), from `from` up to, not including, `to`. */
export interface UsageSpan {
  interval: 'hour' | 'day';
  from: Date;
  to: Date;
}

/**
 * What all keys of the signed-in user used in a month (`YYYY-MM`, UTC): one that has ended, or this one,
 * which the database knows better than a browser's clock.
 */
export function useUsageSummary(period: string, { ended }: { ended: boolean }) {
  const { supabase } = useSession();
  return useQuery({
    queryKey: ['usage-summary', period],
    queryFn: async ({ signal }): Promise<UsageSummary> =>
      (await answerOf(
        supabase.rpc('proxy_usage_summary', ended ? { period } : {}).abortSignal(signal),
      )) as UsageSummary,
    refetchInterval: ended ? 5 * 60_000 : 10_000,
  });
}

/** Usage over a span, a point for each hour or day; of one key, or of all. */
export function useUsageSeries({ interval, from, to }: UsageSpan, keyId?: string) {
  const { supabase } = useSession();
  const span = { interval, from: from.toISOString(), to: to.toISOString() };
  return useQuery({
    queryKey: ['usage-series', keyId ?? null, span],
    queryFn: async ({ signal }): Promise<UsagePoint[]> => {
      const { points } = await answerOf(
        supabase
          .rpc('proxy_usage_series', { ...span, ...(keyId ? { key_id: keyId } : {}) })
          .abortSignal(signal),
      );
      return points as unknown as UsagePoint[];
    },
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
  });
}
