import type { Supabase } from './database.ts';
import type { Key, MintedKey, RotatedKey } from './key.ts';
import { answerOf } from './refusal.ts';

// Not kept anywhere on the way: what a mint or a rotation answers holds a secret.

/** What a new key is to be. */
export interface NewKey {
  label: string;
  tier: string;
  liveMode: boolean;
  /** From which addresses it may be used; none for any. */
  allowedIps: string[];
  /** RFC 3339, or null for never. */
  expiresAt: string | null;
}

/** Mints a key. Safe to repeat under the same idempotency key. Throws Refusal. */
export async function mintKey(
  supabase: Supabase,
  { label, tier, liveMode, allowedIps, expiresAt }: NewKey,
  idempotencyKey: string,
): Promise<MintedKey> {
  return (await answerOf(
    supabase.rpc('mint_proxy_key', {
      label,
      tier,
      live_mode: liveMode,
      idempotency_key: idempotencyKey,
      ...(allowedIps.length > 0 ? { allowed_ips: allowedIps } : {}),
      ...(expiresAt ? { expires_at: expiresAt } : {}),
    }),
  )) as MintedKey;
}

/** Gives a key a new secret; the old one works for `graceSeconds` more (0 to 30). Throws Refusal. */
export async function rotateKey(
  supabase: Supabase,
  id: string,
  graceSeconds: number,
  idempotencyKey: string,
): Promise<RotatedKey> {
  return (await answerOf(
    supabase.rpc('rotate_proxy_key', {
      id,
      grace_seconds: graceSeconds,
      idempotency_key: idempotencyKey,
    }),
  )) as RotatedKey;
}

/** What of a key its owner may change; what is left out stays. */
export type KeyChanges = Partial<Pick<Key, 'label' | 'allowed_ips' | 'expires_at'>>;

/** Changes a key. Throws Refusal. */
export async function updateKey(supabase: Supabase, id: string, changes: KeyChanges): Promise<Key> {
  return (await answerOf(supabase.rpc('update_proxy_key', { id, changes }))) as Key;
}

/** Takes a key out of service; its usage stays. Throws Refusal. */
export async function deleteKey(supabase: Supabase, id: string): Promise<Key> {
  return (await answerOf(supabase.rpc('delete_proxy_key', { id }))) as Key;
}

/** One change of several keys. */
export type ManyChanges = { deleted: true } | Pick<KeyChanges, 'allowed_ips' | 'expires_at'>;

/** Makes one change of up to 300 keys, of all or of none. Throws Refusal. */
export async function changeKeys(
  supabase: Supabase,
  ids: string[],
  changes: ManyChanges,
): Promise<void> {
  await answerOf(supabase.rpc('change_proxy_keys', { ids, changes }));
}
