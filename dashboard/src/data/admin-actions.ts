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

/** The limits of a key. Null is the tier's. */
export interface OwnLimits {
  bandwidthLimitBytes: number | null;
  rateLimit: number | null;
  tunnelLimit: number | null;
}

/** Sets all limits of a key. Throws Refusal. */
export async function setKeyLimits(
  supabase: Supabase,
  id: string,
  { bandwidthLimitBytes, rateLimit, tunnelLimit }: OwnLimits,
  reason: string,
): Promise<Key> {
  // an argument that is left out is null, which the generated types do not know as one
  const own = {
    ...(bandwidthLimitBytes === null ? {} : { bandwidth_limit_bytes: bandwidthLimitBytes }),
    ...(rateLimit === null ? {} : { rate_limit: rateLimit }),
    ...(tunnelLimit === null ? {} : { tunnel_limit: tunnelLimit }),
  };
  return (await answerOf(supabase.rpc('set_proxy_key_limits', { id, reason, ...own }))) as Key;
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
