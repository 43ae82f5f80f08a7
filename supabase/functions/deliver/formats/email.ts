import type { Alert } from '../claimed-delivery.ts';
import { sentenceOf } from './sentence.ts';

/** Resend's API: https://resend.com/docs/api-reference/emails/send-email. */
export function emailBody(alert: Alert, { from, to }: { from: string; to: string }): string {
  const { title, text } = sentenceOf(alert);
  const rows = Object.entries(alert.data).filter(([, value]) => typeof value !== 'object');
  return JSON.stringify({
    from,
    to: [to],
    subject: `Proxy Keys: ${title}`,
    text: `${text}\n\n${rows.map(([name, value]) => `${name}: ${value}`).join('\n')}\n\n${footer}\n`,
    html: [
      '<!doctype html><html lang="en"><body style="font-family:system-ui,sans-serif;line-height:1.5">',
      `<h1 style="font-size:1.25rem">${escapeHtml(title)}</h1><p>${escapeHtml(text)}</p><table>`,
      ...rows.map(
        ([name, value]) =>
          `<tr><th style="text-align:left;padding-right:1em;font-weight:normal">${escapeHtml(name)}</th><td>${escapeHtml(String(value))}</td></tr>`,
      ),
      `</table><p style="color:#666">${escapeHtml(footer)}</p></body></html>`,
    ].join(''),
  });
}

const footer =
  'You receive this because your account has an e-mail webhook for its alerts. Delete the webhook to stop these mails.';

function escapeHtml(text: string): string {
  return text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;');
}
