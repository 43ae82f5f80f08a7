import type { Alert } from '../claimed-delivery.ts';
import { sentenceOf } from './sentence.ts';

/** https://discord.com/developers/docs/resources/webhook#execute-webhook. */
export function discordBody(alert: Alert): string {
  const { title, text } = sentenceOf(alert);
  return JSON.stringify({
    content: `**${escapeMarkdown(title)}**\n${escapeMarkdown(text)}`,
    // a label cannot mention anyone
    allowed_mentions: { parse: [] },
  });
}

/** Escapes text so that Markdown shows it literally. */
function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_~|<>[\]()#-]/g, '\\$&');
}
