import type { Supabase } from './database.ts';
import type { Key, MintedKey, RotatedKey } from './key.ts';
import { answerOf } from './refusal.ts';

// The answers are never cached: that of a mint or a rotation has a secret.

/** The properties of a new key. */
export interface NewKey {
  label: string;
  tier: string;
  liveMode: boolean;
  /** The addresses that may use the key; empty for any. */
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

/** Gives a key a new secret; the old one works for another `graceSeconds` (0 to 30). Throws Refusal. */
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

/** The owner's changes to a key; fields that are left out stay. */
export type KeyChanges = Partial<Pick<Key, 'label' | 'allowed_ips' | 'expires_at'>>;

/** Changes a key. Throws Refusal. */
export async function updateKey(supabase: Supabase, id: string, changes: KeyChanges): Promise<Key> {
  return (await answerOf(supabase.rpc('update_proxy_key', { id, changes }))) as Key;
}

/** Deletes a key; its usage is kept. Throws Refusal. */
export async function deleteKey(supabase: Supabase, id: string): Promise<Key> {
  return (await answerOf(supabase.rpc('delete_proxy_key', { id }))) as Key;
}

/** A change to several keys. */
export type ManyChanges = { deleted: true } | Pick<KeyChanges, 'allowed_ips' | 'expires_at'>;

/** Applies one change to up to 300 keys: to all, or to none. Throws Refusal. */
export async function changeKeys(
  supabase: Supabase,
  ids: string[],
  changes: ManyChanges,
): Promise<void> {
  await answerOf(supabase.rpc('change_proxy_keys', { ids, changes }));
}
