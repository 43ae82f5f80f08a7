import type { ClaimedDelivery } from './claimed-delivery.ts';
import { discordBody } from './formats/discord.ts';
import { emailBody } from './formats/email.ts';
import { pagerdutyBody } from './formats/pagerduty.ts';
import { slackBody } from './formats/slack.ts';
import type { PostRequest } from './post.ts';
import type { Settings } from './settings.ts';

/** The request for a delivery, in its receiver's format; null if the function lacks the settings for it. */
export function requestOf(delivery: ClaimedDelivery, settings: Settings): PostRequest | null {
  const { kind, alert } = delivery;
  const url = delivery.url ?? '';
  switch (kind) {
    case 'webhook':
      return { url, headers: delivery.headers ?? {}, body: delivery.body ?? '' };
    case 'slack':
      return { url, headers: {}, body: slackBody(alert) };
    case 'discord':
      return { url, headers: {}, body: discordBody(alert) };
    case 'pagerduty':
      return {
        url: settings.pagerdutyUrl,
        headers: {},
        body: pagerdutyBody(alert, delivery.routing_key ?? ''),
      };
    case 'email': {
      if (!settings.resend) return null;
      const { key, from, url: resendUrl } = settings.resend;
      return {
        url: resendUrl,
        // a retry within 24 h sends no second mail: https://resend.com/docs/dashboard/emails/idempotency-keys
        headers: { Authorization: `Bearer ${key}`, 'Idempotency-Key': delivery.id },
        body: emailBody(alert, { from, to: delivery.address ?? '' }),
      };
    }
  }
}
