import { expect } from 'vitest';
import type { Persona } from './personas.ts';

/** A row of the audit as its owner reads it. */
export interface OwnAuditRow {
  id: string;
  api_key_id: string | null;
  tier: string | null;
  actor_id: string | null;
  action: string;
  changes: Record<string, unknown> | null;
  reason: string | null;
  request_id: string | null;
  occurred_at: string;
}

/** What a user reads of what was done to one of their keys, or to all and their grants, oldest first. */
export async function readOwnAudit({ supabase }: Persona, id?: string): Promise<OwnAuditRow[]> {
  const { data, error } = await supabase.rpc('list_proxy_key_audit', {
    limit: 200,
    ...(id === undefined ? {} : { id }),
  });
  expect(error).toBeNull();
  expect(data?.next_cursor).toBeNull();
  const items = (data?.items ?? []) as unknown as OwnAuditRow[];
  return items.toReversed();
}

/** The tiers that a user reads to be granted to them, newest first. */
export async function readOwnGrants({ supabase }: Persona) {
  const { data, error } = await supabase.rpc('list_own_proxy_tier_grants');
  expect(error).toBeNull();
  return data ?? [];
}
