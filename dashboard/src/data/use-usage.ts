import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useSession } from '../session/session-context.ts';
import type { UsagePoint } from './key.ts';
import { useReader } from './reader.ts';
import { answerOf } from './refusal.ts';

/** A span of whole hours or days (UTC), from `from` up to, but not including, `to`. */
export interface UsageSpan {
  interval: 'hour' | 'day';
  from: Date;
  to: Date;
}

/** Usage of one key or all keys over a span, one point per hour or day. */
export function useUsageSeries({ interval, from, to }: UsageSpan, keyId?: string) {
  const { supabase } = useSession();
  const { asked } = useReader();
  const span = { interval, from: from.toISOString(), to: to.toISOString() };
  return useQuery({
    queryKey: ['usage-series', keyId ?? null, span, asked],
    queryFn: async ({ signal }): Promise<UsagePoint[]> => {
      const { points } = await answerOf(
        supabase
          .rpc('proxy_usage_series', { ...span, ...(keyId ? { key_id: keyId } : {}), ...asked })
          .abortSignal(signal),
      );
      return points as unknown as UsagePoint[];
    },
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
  });
}
