import type { Database, Json } from '../../../supabase/functions/_shared/database.types.ts';

type Functions = Database['public']['Functions'];
type Rpc<Name extends keyof Functions> = Functions[Name]['Returns'];
type Present<T, Field extends keyof T> = T & { [F in Field]-?: NonNullable<T[F]> };
/** Postgres cannot mark a composite's fields as never null. */
type AllPresent<T> = { [F in keyof T]-?: NonNullable<T[F]> };

/** A key as its owner reads it: never with a secret. Times are RFC 3339 in UTC. */
export type Key = Present<
  Omit<Rpc<'get_proxy_key'>, 'limit_overrides' | 'quota_used_up_by' | 'state'>,
  | 'active'
  | 'allowed_ips'
  | 'bandwidth_limit_bytes'
  | 'bandwidth_used_this_period_bytes'
  | 'created_at'
  | 'id'
  | 'key_id'
  | 'label'
  | 'live_mode'
  | 'rate_limit'
  | 'tier'
  | 'tunnel_limit'
> & {
  /** The limits that an admin set in place of the tier's, by name. */
  limit_overrides: Record<string, number>;
  state: KeyStateName;
  /** The quota that is used up: the key's own, or the account's. */
  quota_used_up_by: 'key' | 'account' | null;
};

/** The states of a key. */
export type KeyStateName =
  | 'active'
  | 'quota_used_up'
  | 'suspended'
  | 'expired'
  | 'owner_barred'
  | 'deleted';

/** Why a key needs attention. */
export type AttentionReason =
  | 'quota_used_up'
  | 'suspended'
  | 'expired'
  | 'quota_nearly_used_up'
  | 'expires_soon';

/** A user's keys at a glance. */
export interface KeyAttention {
  /** Whether the user has any keys, including deleted ones. */
  has_keys: boolean;
  /** The number of keys in each state, without deleted ones. */
  states: { state: KeyStateName; keys: number }[];
  /** The number of keys that need attention, by reason, the most pressing first. */
  reasons: { reason: AttentionReason; keys: number }[];
  /** The most pressing of these keys. */
  keys: (Key & { reason: AttentionReason })[];
}

/** A key as an admin finds it: with the owner's e-mail address, unless the account was removed. */
export type FoundKey = Key & { email: string | null };

/** A key with its secret. Only the answer to a mint has it. */
export type MintedKey = AllPresent<
  Omit<Database['public']['CompositeTypes']['minted_proxy_key'], 'rotated_at'>
>;

/** The same for a rotation, with the number of rotations left within the minute. */
export type RotatedKey = AllPresent<Database['public']['CompositeTypes']['rotated_proxy_key']>;

/** A tier and its limits. */
export type Tier = Database['public']['Tables']['proxy_tiers']['Row'];

/** A tier granted to a user, with the user's e-mail address, as admins read it. */
export type TierGrant = Present<
  Database['public']['CompositeTypes']['proxy_tier_grant'],
  'granted_at' | 'id' | 'tier' | 'user_id'
> & { email: string | null };

/** A change of a key: who, what, when, why. */
export interface AuditEntry {
  id: string;
  api_key_id: string | null;
  /** The tier of a grant or a revocation. */
  tier: string | null;
  actor_id: string | null;
  action: string;
  changes: Json;
  reason: string | null;
  request_id: string | null;
  occurred_at: string;
}

/** One CONNECT or plain request of a key within one hour, or several refusals of one kind. */
export interface UsageEvent {
  event_id: string;
  api_key_id: string;
  occurred_at: string;
  target_host: string;
  method: string;
  status_code: number;
  bytes_sent: number;
  bytes_received: number;
  duration_ms: number;
  served_by_node_id: string;
  /** Why the gateway refused it, or what failed; null if it was served. */
  code: string | null;
  /** The number of requests or refusals; 0 if a tunnel continues from an earlier hour. */
  count: number;
  /** What to do about the code; null if there is no code or it is unknown. */
  how_to_fix: string | null;
}

/** The usage in one hour or day (UTC). */
export interface UsagePoint {
  start: string;
  requests: number;
  bytes_sent: number;
  bytes_received: number;
}
