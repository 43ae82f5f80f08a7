import type { Database, Json } from '../../../supabase/functions/_shared/database.types.ts';

type Functions = Database['public']['Functions'];
type Rpc<Name extends keyof Functions> = Functions[Name]['Returns'];
type Present<T, Field extends keyof T> = T & { [F in Field]-?: NonNullable<T[F]> };
/** Postgres cannot mark a composite's fields as never null. */
type AllPresent<T> = { [F in keyof T]-?: NonNullable<T[F]> };

/** A key as its owner reads it: never a secret. Times are RFC 3339 in UTC. */
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
  /** What an admin set in place of the tier's limits, by the name of the limit. */
  limit_overrides: Record<string, number>;
  state: KeyStateName;
  /** Whose quota it is that is used up. */
  quota_used_up_by: 'key' | 'account' | null;
};

/** What the gateway makes of a key. */
export type KeyStateName =
  | 'active'
  | 'quota_used_up'
  | 'suspended'
  | 'expired'
  | 'owner_barred'
  | 'deleted';

/** Why somebody should look at a key. */
export type AttentionReason =
  | 'quota_used_up'
  | 'suspended'
  | 'expired'
  | 'quota_nearly_used_up'
  | 'expires_soon';

/** A user's keys at a glance. */
export interface KeyAttention {
  /** Whether there are keys, deleted ones too. */
  has_keys: boolean;
  /** How many of those that are not deleted are in each. */
  states: { state: KeyStateName; keys: number }[];
  /** How many keys somebody should look at, the most pressing reason first. */
  reasons: { reason: AttentionReason; keys: number }[];
  /** The most pressing of these. */
  keys: (Key & { reason: AttentionReason })[];
}

/** A key as an admin finds it: with its owner's address, unless the account is gone. */
export type FoundKey = Key & { email: string | null };

/** A key with its secret: in this answer and nowhere else. */
export type MintedKey = AllPresent<
  Omit<Database['public']['CompositeTypes']['minted_proxy_key'], 'rotated_at'>
>;

/** The same after a rotation, with how many more there may be within the minute. */
export type RotatedKey = AllPresent<Database['public']['CompositeTypes']['rotated_proxy_key']>;

/** A tier and its limits. */
export type Tier = Database['public']['Tables']['proxy_tiers']['Row'];

/** A tier that a user was granted, with the user's address, as admins read it. */
export type TierGrant = Present<
  Database['public']['CompositeTypes']['proxy_tier_grant'],
  'granted_at' | 'id' | 'tier' | 'user_id'
> & { email: string | null };

/** A change of a key: who, what, when, why. */
export interface AuditEntry {
  id: string;
  api_key_id: string | null;
  /** Of a grant that was made or taken back. */
  tier: string | null;
  actor_id: string | null;
  action: string;
  changes: Json;
  reason: string | null;
  request_id: string | null;
  occurred_at: string;
}

/** One CONNECT or plain request of a key, in one hour, or refusals of one kind. */
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
  /** Why the gateway refused it, or what failed; null for what it served. */
  code: string | null;
  /** How many requests or refusals it stands for; 0 where a tunnel goes on from an earlier hour. */
  count: number;
  /** What to do about the code; null without one, and for one that is not known. */
  how_to_fix: string | null;
}

/** What was used in one hour or day (UTC). */
export interface UsagePoint {
  start: string;
  requests: number;
  bytes_sent: number;
  bytes_received: number;
}
