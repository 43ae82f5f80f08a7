import type { Json } from '../../../supabase/functions/_shared/database.types.ts';
import type { Threshold, Webhook, WebhookWithSecret } from './alert.ts';
import type { Supabase } from './database.ts';
import { answerOf } from './refusal.ts';

// The answers are never cached: that of a creation or a rotation has a secret.

/** A new webhook. Fields that its kind does not have are left out. */
export interface NewWebhook {
  kind: string;
  url?: string;
  routing_key?: string;
  label?: string;
  /** The alert types it gets; all if left out. */
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

/** The changes to a webhook; fields that are left out stay. */
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

/** Gives a generic webhook a new signing secret; the old one is no longer used. Throws Refusal. */
export async function rotateWebhook(
  supabase: Supabase,
  id: string,
  operator: boolean,
): Promise<WebhookWithSecret> {
  return (await answerOf(
    supabase.rpc('rotate_proxy_webhook', { id, operator }),
  )) as WebhookWithSecret;
}

/** Deletes a webhook and its deliveries. Throws Refusal. */
export async function deleteWebhook(
  supabase: Supabase,
  id: string,
  operator: boolean,
): Promise<void> {
  await answerOf(supabase.rpc('delete_proxy_webhook', { id, operator }));
}

/** Sends a test to one webhook. Throws Refusal. */
export async function testWebhook(
  supabase: Supabase,
  id: string,
  operator: boolean,
): Promise<void> {
  await answerOf(supabase.rpc('test_proxy_webhook', { id, operator }));
}

/** Sends a delivery again; a pending one is sent now. Throws Refusal. */
export async function resendDelivery(
  supabase: Supabase,
  id: string,
  operator: boolean,
): Promise<void> {
  await answerOf(supabase.rpc('resend_proxy_delivery', { id, operator }));
}

/**
 * Sets the percentages of a quota at which there is an alert: for a key, or without `keyId` for the
 * account and all keys without their own. Null restores the default. Throws Refusal.
 */
export async function setThresholds(
  supabase: Supabase,
  percents: number[] | null,
  keyId: string | undefined,
): Promise<Threshold> {
  const call = supabase.rpc('set_proxy_alert_thresholds', {
    // the generated types do not allow null
    percents: percents as number[],
    ...(keyId ? { id: keyId } : {}),
  });
  return (await answerOf(call)) as Threshold;
}
