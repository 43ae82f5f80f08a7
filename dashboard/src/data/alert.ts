import type { Database } from '../../../supabase/functions/_shared/database.types.ts';

type Composites = Database['public']['CompositeTypes'];
type Present<T, Field extends keyof T> = T & { [F in Field]-?: NonNullable<T[F]> };

/** Something that a user was alerted to. `data` is what webhooks send, in camelCase. */
export interface Alert {
  id: string;
  api_key_id: string | null;
  type: string;
  occurred_at: string;
  data: Record<string, unknown>;
}

/** Where alerts are sent, as its owner reads it: never a secret. */
export type Webhook = Present<
  Omit<Composites['proxy_webhook'], 'secret'>,
  'id' | 'kind' | 'created_at'
>;

/** A webhook with what signs its requests, if it is a generic one: in this answer and nowhere else. */
export type WebhookWithSecret = Webhook & { secret: string | null };

/** An attempt at a delivery, and what came of it. */
export interface Attempt {
  number: number;
  started_at: string;
  duration_ms: number;
  outcome: string;
  status: number | null;
  /** The first 500 bytes of it. */
  answer: string | null;
}

/** An alert on its way to a webhook, with the last 20 attempts in order. */
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

/** At which percents of a quota there is an alert; without a key, of the account and all other keys. */
export type Threshold = Present<Composites['proxy_alert_threshold'], 'percents'>;
