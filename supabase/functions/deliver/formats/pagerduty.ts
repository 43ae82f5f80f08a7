import type { Alert } from '../claimed-delivery.ts';
import { sentenceOf } from './sentence.ts';

/** Events API v2: https://developer.pagerduty.com/docs/send-alert-event. */
export function pagerdutyBody(alert: Alert, routingKey: string): string {
  const { title, text, severity } = sentenceOf(alert);
  return JSON.stringify({
    routing_key: routingKey,
    event_action: 'trigger',
    // a retry belongs to the same incident
    dedup_key: alert.id,
    payload: {
      summary: `${title}. ${text}`.slice(0, 1_024),
      source: 'proxy-keys',
      severity,
      timestamp: alert.timestamp,
      class: alert.type,
      custom_details: alert.data,
    },
  });
}
