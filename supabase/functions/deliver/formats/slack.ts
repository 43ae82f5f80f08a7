import type { Alert } from '../claimed-delivery.ts';
import { sentenceOf } from './sentence.ts';

const marks = { info: ':information_source:', warning: ':warning:', error: ':rotating_light:' };

/** https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks. */
export function slackBody(alert: Alert): string {
  const { title, text, severity } = sentenceOf(alert);
  return JSON.stringify({
    text: `${marks[severity]} *${escapeMarkup(title)}*\n${escapeMarkup(text)}`,
  });
}

/** Escapes links and mentions: https://docs.slack.dev/messaging/formatting-message-text */
function escapeMarkup(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
