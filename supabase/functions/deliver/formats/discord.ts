import type { Alert } from '../claimed-delivery.ts';
import { sentenceOf } from './sentence.ts';

/** https://discord.com/developers/docs/resources/webhook#execute-webhook. */
export function discordBody(alert: Alert): string {
  const { title, text } = sentenceOf(alert);
  return JSON.stringify({
    content: `**${escapeMarkdown(title)}**\n${escapeMarkdown(text)}`,
    // nobody is mentioned, whatever a label says
    allowed_mentions: { parse: [] },
  });
}

/** Text alone: what Markdown would read stands as it is. */
function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_~|<>[\]()#-]/g, '\\$&');
}
