import type { LimitName } from '../format/limits.ts';
import type { Supabase } from './database.ts';
import type { Key } from './key.ts';
import { answerOf } from './refusal.ts';

/** Suspends any user's key; the owner can read the reason. Throws Refusal. */
export async function suspendKey(supabase: Supabase, id: string, reason: string): Promise<Key> {
  return (await answerOf(supabase.rpc('suspend_proxy_key', { id, reason }))) as Key;
}

/** Reactivates a suspended or deleted key, with its old secret. Throws Refusal. */
export async function reactivateKey(
  supabase: Supabase,
  id: string,
  reason: string | undefined,
): Promise<Key> {
  const call = supabase.rpc('reactivate_proxy_key', { id, ...(reason ? { reason } : {}) });
  return (await answerOf(call)) as Key;
}

/** New limits of a key; null for the tier's limit. */
export type LimitChanges = Record<LimitName, number | null>;

/** Changes the limits of a key. Throws Refusal. */
export async function setKeyLimits(
  supabase: Supabase,
  id: string,
  limits: LimitChanges,
  reason: string,
): Promise<Key> {
  return (await answerOf(supabase.rpc('set_proxy_key_limits', { id, reason, limits }))) as Key;
}

/** A tier, and the user (id or e-mail address) to grant it to or revoke it from. */
export interface Grant {
  user: string;
  tier: string;
}

/** Lets a user create keys of a tier. Idempotent. Throws Refusal. */
export async function grantTier(supabase: Supabase, grant: Grant, reason: string): Promise<void> {
  await answerOf(supabase.rpc('grant_proxy_tier', { ...grant, reason }));
}

/** Revokes a tier from a user; existing keys keep working. Throws Refusal. */
export async function revokeTier(supabase: Supabase, grant: Grant, reason: string): Promise<void> {
  await answerOf(supabase.rpc('revoke_proxy_tier', { ...grant, reason }));
}
