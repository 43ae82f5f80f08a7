import { expect } from 'vitest';
import type { Persona } from './personas.ts';

/** An audit row as the owner reads it. */
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

/** The audit that a user reads, oldest first: of one key, or of all keys and grants. */
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

/** The granted tiers that a user reads, newest first. */
export async function readOwnGrants({ supabase }: Persona) {
  const { data, error } = await supabase.rpc('list_own_proxy_tier_grants');
  expect(error).toBeNull();
  return data ?? [];
}
