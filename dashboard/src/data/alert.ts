import type { Database } from '../../../supabase/functions/_shared/database.types.ts';

type Composites = Database['public']['CompositeTypes'];
type Present<T, Field extends keyof T> = T & { [F in Field]-?: NonNullable<T[F]> };

/** An alert to a user. `data` is the webhooks' payload, in camelCase. */
export interface Alert {
  id: string;
  api_key_id: string | null;
  type: string;
  occurred_at: string;
  data: Record<string, unknown>;
}

/** A webhook as its owner reads it: never with a secret. */
export type Webhook = Present<
  Omit<Composites['proxy_webhook'], 'secret'>,
  'id' | 'kind' | 'created_at'
>;

/**
 * A webhook with its signing secret, if it is a generic one. Only the answers to a creation or a
 * rotation have it.
 */
export type WebhookWithSecret = Webhook & { secret: string | null };

/** An attempt at a delivery, and its outcome. */
export interface Attempt {
  number: number;
  started_at: string;
  duration_ms: number;
  outcome: string;
  status: number | null;
  /** The first 500 bytes of the answer. */
  answer: string | null;
}

/** A delivery of an alert to a webhook, with the last 20 attempts in order. */
export interface Delivery {
  id: string;
  alert_id: string;
  type: string;
  occurred_at: string;
  state: 'pending' | 'delivered' | 'failed';
  attempts: number;
  next_attempt_at: string | null;
  attempt_log: Attempt[];
}

/**
 * The percentages of a quota at which there is an alert; without a key, for the account and all other
 * keys.
 */
export type Threshold = Present<Composites['proxy_alert_threshold'], 'percents'>;
