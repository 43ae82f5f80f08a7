// The database's answers about an account and about what uses up its quota.

interface Bytes {
  bytes_sent: number;
  bytes_received: number;
}

/** The quota that all live keys, or all test keys, of a tier share this month (UTC). */
export interface AccountQuota {
  used_bytes: number;
  limit_bytes: number;
  left_bytes: number;
  requests: number;
  billed: boolean;
}

/** The quota of a tier's live keys, and of its test keys. */
export interface AccountTier extends AccountQuota {
  tier: string;
  /** The number of keys that are not deleted, and its limit. */
  keys: number;
  key_limit: number;
  /** The limits that an admin set in place of the tier's, by name. */
  limit_overrides: Record<string, number>;
  test: AccountQuota;
}

/** An account's quotas and usage this month (UTC). */
export interface Account {
  period: string;
  resets_at: string;
  tiers: AccountTier[];
}

/** A key's usage in a month (UTC). */
export interface KeyUsage extends Bytes {
  id: string;
  key_id: string;
  label: string;
  tier: string;
  live_mode: boolean;
  active: boolean;
  requests: number;
}

/** The traffic to one target, or to several. */
export interface TargetFigures extends Bytes {
  requests: number;
  /** The number of requests that failed at the target. */
  errors: number;
}

/** A host, or all hosts of a site if `host` is null. */
export interface Target extends TargetFigures {
  host: string | null;
  site: string | null;
}

/** The sort order of targets and outcomes, descending. */
export type BurnSort = 'bytes' | 'requests' | 'errors';

/** The targets of a span: totals = targets + unlisted + other. */
export interface TargetUsage {
  from: string;
  to: string;
  /** Older data is not kept. */
  kept_from: string;
  targets: Target[];
  totals: TargetFigures;
  /** The sum of the targets beyond the limit. */
  unlisted: TargetFigures;
  /** The traffic that is not counted by target. */
  other: TargetFigures;
}

/** An outcome of requests, and what to do about it. */
export interface Outcome extends Bytes {
  /** `ok`, or the code of a refusal or failure. */
  outcome: string;
  kind: 'ok' | 'refused' | 'failed';
  requests: number;
  how_to_fix: string | null;
}

/** How requests ended in one hour or day. */
export interface OutcomePoint {
  start: string;
  ok: number;
  refused: number;
  failed: number;
}

/** How the requests of a span ended, including refused ones. */
export interface OutcomeUsage {
  interval: 'hour' | 'day';
  from: string;
  to: string;
  /** Older data is not kept. */
  kept_from: string;
  outcomes: Outcome[];
  totals: Bytes & {
    requests: number;
    ok: number;
    refused: number;
    failed: number;
    /** From 0 to 1; null if there are no requests. */
    success_rate: number | null;
  };
  points: OutcomePoint[];
}
