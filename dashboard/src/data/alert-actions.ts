import type { Json } from '../../../supabase/functions/_shared/database.types.ts';
import type { Threshold, Webhook, WebhookWithSecret } from './alert.ts';
import type { Supabase } from './database.ts';
import { answerOf } from './refusal.ts';

// Not kept anywhere on the way: what a creation or a rotation answers holds a secret.

/** What a new webhook is to be. What is left out, its kind does not have. */
export interface NewWebhook {
  kind: string;
  url?: string;
  routing_key?: string;
  label?: string;
  /** What it wants; all where it is left out. */
  types?: string[];
}

/** Creates a webhook of the user, or of the operator. Throws Refusal. */
export async function createWebhook(
  supabase: Supabase,
  wanted: NewWebhook,
  operator: boolean,
): Promise<WebhookWithSecret> {
  const call = supabase.rpc('create_proxy_webhook', { ...wanted, operator });
  return (await answerOf(call)) as WebhookWithSecret;
}

/** What of a webhook may be changed; what is left out stays. */
export type WebhookChanges = Partial<Pick<Webhook, 'label' | 'types'> & { disabled: boolean }>;

/** Changes a webhook. Throws Refusal. */
export async function updateWebhook(
  supabase: Supabase,
  id: string,
  changes: WebhookChanges,
  operator: boolean,
): Promise<void> {
  await answerOf(supabase.rpc('update_proxy_webhook', { id, changes: changes as Json, operator }));
}

/** Gives a generic webhook a new signing secret; the old one signs nothing more. Throws Refusal. */
export async function rotateWebhook(
  supabase: Supabase,
  id: string,
  operator: boolean,
): Promise<WebhookWithSecret> {
  return (await answerOf(
    supabase.rpc('rotate_proxy_webhook', { id, operator }),
  )) as WebhookWithSecret;
}

/** Removes a webhook with its deliveries. Throws Refusal. */
export async function deleteWebhook(
  supabase: Supabase,
  id: string,
  operator: boolean,
): Promise<void> {
  await answerOf(supabase.rpc('delete_proxy_webhook', { id, operator }));
}

/** Sends a test to a webhook, and to no other. Throws Refusal. */
export async function testWebhook(
  supabase: Supabase,
  id: string,
  operator: boolean,
): Promise<void> {
  await answerOf(supabase.rpc('test_proxy_webhook', { id, operator }));
}

/** Sends a delivery again; one that is pending, now. Throws Refusal. */
export async function resendDelivery(
  supabase: Supabase,
  id: string,
  operator: boolean,
): Promise<void> {
  await answerOf(supabase.rpc('resend_proxy_delivery', { id, operator }));
}

/**
 * Sets at which percents of a quota there is an alert: of a key, or without one of the account and all
 * keys without their own. Null is as before it was set. Throws Refusal.
 */
export async function setThresholds(
  supabase: Supabase,
  percents: number[] | null,
  keyId: string | undefined,
): Promise<Threshold> {
  const call = supabase.rpc('set_proxy_alert_thresholds', {
    // the generated types know no null
    percents: percents as number[],
    ...(keyId ? { id: keyId } : {}),
  });
  return (await answerOf(call)) as Threshold;
}
