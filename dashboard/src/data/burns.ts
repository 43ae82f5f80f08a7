// What the database answers on an account and on what burns its quota.

/** Bytes in and out. */
interface Bytes {
  bytes_sent: number;
  bytes_received: number;
}

/** What all live, or all test, keys of a tier share in this month (UTC). */
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
  /** How many keys there are, and may be, that are not deleted. */
  keys: number;
  key_limit: number;
  /** What an admin set in place of the tier's limits, by the name of the limit. */
  limit_overrides: Record<string, number>;
  test: AccountQuota;
}

/** What an account may use in this month (UTC), and has used. */
export interface Account {
  period: string;
  resets_at: string;
  tiers: AccountTier[];
}

/** What a key used in a month (UTC). */
export interface KeyUsage extends Bytes {
  id: string;
  key_id: string;
  label: string;
  tier: string;
  live_mode: boolean;
  active: boolean;
  requests: number;
}

/** What was moved to targets, or to one. */
export interface TargetFigures extends Bytes {
  requests: number;
  /** Of these, how many failed at the target. */
  errors: number;
}

/** A host, or all hosts of a site where `host` is null. */
export interface Target extends TargetFigures {
  host: string | null;
  site: string | null;
}

/** By what targets, and outcomes, are sorted: the most first. */
export type BurnSort = 'bytes' | 'requests' | 'errors';

/** The targets of a span: totals = targets + unlisted + other. */
export interface TargetUsage {
  from: string;
  to: string;
  /** Nothing is known of the time before it. */
  kept_from: string;
  targets: Target[];
  totals: TargetFigures;
  /** Of the targets beyond the limit. */
  unlisted: TargetFigures;
  /** What is not counted by target. */
  other: TargetFigures;
}

/** How many requests ended so, and what to do about it. */
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

/** How the requests of a span ended; what was refused is a request here. */
export interface OutcomeUsage {
  interval: 'hour' | 'day';
  from: string;
  to: string;
  /** Nothing is known of the time before it. */
  kept_from: string;
  outcomes: Outcome[];
  totals: Bytes & {
    requests: number;
    ok: number;
    refused: number;
    failed: number;
    /** Of 0 to 1; null without a request. */
    success_rate: number | null;
  };
  points: OutcomePoint[];
}
