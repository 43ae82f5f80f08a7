import type { Supabase } from './database.ts';
import { answerOf } from './refusal.ts';
import { type BurnQuery, burnArguments } from './use-burns.ts';

/** Reads the targets of a span as CSV. Throws Refusal. */
export async function exportTargets(
  supabase: Supabase,
  query: BurnQuery,
  by: 'host' | 'site',
): Promise<Blob> {
  const values = { ...burnArguments(query), by };
  const { csv } = await answerOf(supabase.rpc('export_proxy_usage_targets', values));
  return new Blob([csv ?? '']);
}

/** Reads the outcomes of a span as CSV, in the span's interval. Throws Refusal. */
export async function exportOutcomes(supabase: Supabase, query: BurnQuery): Promise<Blob> {
  const values = { ...burnArguments(query), interval: query.span.interval };
  const { csv } = await answerOf(supabase.rpc('export_proxy_usage_outcomes', values));
  return new Blob([csv ?? '']);
}
