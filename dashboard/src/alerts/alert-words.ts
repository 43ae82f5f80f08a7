import { type Severity, sentenceOf } from '../../../supabase/functions/deliver/formats/sentence.ts';
import type { Alert } from '../data/alert.ts';
import { dateTime } from '../format/time.ts';

/** An alert as the list shows it. */
export interface AlertWords {
  title: string;
  text: string;
  severity: Severity;
}

const time = /\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z/g;

/** An alert in the same sentences that webhooks send, with times in this page's format. */
export function alertWords({ id, type, occurred_at, data }: Alert): AlertWords {
  // webhooks send “This webhook works.”, but here it is not known whether the test arrived
  if (type === 'webhook.test') {
    return { title: 'Test', text: 'A test was sent to a webhook.', severity: 'info' };
  }
  const { title, text, severity } = sentenceOf({ id, type, timestamp: occurred_at, data });
  return { title, text: text.replaceAll(time, (moment) => dateTime(moment)), severity };
}

/** The alert's keyId; undefined if it is not about a key. */
export function keyIdOf({ data }: Alert): string | undefined {
  return typeof data.keyId === 'string' ? data.keyId : undefined;
}

/** The alert's webhook id; undefined if it is not about a webhook. */
export function webhookIdOf({ data }: Alert): string | undefined {
  return typeof data.webhookId === 'string' ? data.webhookId : undefined;
}
