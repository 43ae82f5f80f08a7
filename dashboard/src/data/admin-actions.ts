import type { LimitName } from '../format/limits.ts';
import type { Supabase } from './database.ts';
import type { Key } from './key.ts';
import { answerOf } from './refusal.ts';

/** Takes any user's key out of service; its owner reads the reason. Throws Refusal. */
export async function suspendKey(supabase: Supabase, id: string, reason: string): Promise<Key> {
  return (await answerOf(supabase.rpc('suspend_proxy_key', { id, reason }))) as Key;
}

/** Puts a suspended or deleted key back in service, with the secret it had. Throws Refusal. */
export async function reactivateKey(
  supabase: Supabase,
  id: string,
  reason: string | undefined,
): Promise<Key> {
  const call = supabase.rpc('reactivate_proxy_key', { id, ...(reason ? { reason } : {}) });
  return (await answerOf(call)) as Key;
}

/** Changes of a key's limits. Null is the tier's. */
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

/** A tier, and the user (id or e-mail address) who is to have it or to have it no more. */
export interface Grant {
  user: string;
  tier: string;
}

/** Lets a user make keys of a tier. One that may already stays as it is. Throws Refusal. */
export async function grantTier(supabase: Supabase, grant: Grant, reason: string): Promise<void> {
  await answerOf(supabase.rpc('grant_proxy_tier', { ...grant, reason }));
}

/** Takes a tier back from a user; keys that there are go on. Throws Refusal. */
export async function revokeTier(supabase: Supabase, grant: Grant, reason: string): Promise<void> {
  await answerOf(supabase.rpc('revoke_proxy_tier', { ...grant, reason }));
}
