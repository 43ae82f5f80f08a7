import type { Alert } from '../claimed-delivery.ts';

/** The severity, in PagerDuty's terms. */
export type Severity = 'info' | 'warning' | 'error';

/** An alert as plain text for people. */
export interface Sentence {
  title: string;
  /** What happened, and what to do. */
  text: string;
  severity: Severity;
}

/** Puts an alert into words. */
export function sentenceOf({ type, data }: Alert): Sentence {
  const key = `Key ${data.keyId}${data.label ? ` (${data.label})` : ''}`;
  const because = data.reason ? ` Reason: ${data.reason}` : '';
  switch (type) {
    case 'key.minted':
      return info('Key created', `${key} was created.`);
    case 'key.rotated':
      return info('Secret rotated', `${key} has a new secret; the old one stops working.`);
    case 'key.deleted':
      return info('Key deleted', `${key} was deleted. Its requests are refused.`);
    case 'key.suspended':
      return {
        title: 'Key suspended',
        text: `An admin suspended ${key}; its requests are refused.${because}`,
        severity: 'error',
      };
    case 'key.reactivated':
      return info('Key reactivated', `${key} is active again.${because}`);
    case 'key.limits_changed':
      return info(
        'Limits changed',
        `${key} may now use ${bytes(data.bandwidthLimitBytes)} per month, at ${data.rateLimit} requests per second.${because}`,
      );
    case 'key.quota':
      return quota(
        key,
        'Raise its limit, or create another key, before its requests are refused.',
        data,
      );
    case 'account.quota':
      return quota(
        `All ${data.liveMode === false ? 'test ' : ''}keys of tier ${data.tier} together`,
        'Ask for a higher limit before requests are refused.',
        data,
      );
    case 'key.expiring':
      return {
        title: `Key expires within ${data.days === 1 ? 'a day' : `${data.days} days`}`,
        text: `${key} expires at ${data.expiresAt}. Set a later expiry, or replace the key.`,
        severity: 'warning',
      };
    case 'key.unusual_usage':
      return {
        title: 'Unusual usage',
        text: `${key} used ${bytes(data.bytes)} in the hour from ${data.hour}; its usual hourly usage is ${bytes(data.medianBytes)}. If this was not you, rotate its secret.`,
        severity: 'warning',
      };
    case 'account.limits_changed':
      return info(
        'Account limits changed',
        `An admin changed the limits of tier ${data.tier}.${because}`,
      );
    case 'tier.granted':
      return info('Tier granted', `You may now create keys of tier ${data.tier}.${because}`);
    case 'tier.revoked':
      return {
        title: 'Tier revoked',
        text: `You may no longer create keys of tier ${data.tier}.${because}`,
        severity: 'warning',
      };
    case 'webhook.disabled':
      return {
        title: 'Webhook disabled',
        text: `The ${data.kind} webhook to ${data.address} was disabled: ${data.reason === 'gone' ? 'it responded with 410 Gone' : 'it failed for three days'}.`,
        severity: 'error',
      };
    case 'webhook.test':
      return info('Test', 'This webhook works.');
    default:
      return info(type, 'See the list of alerts.');
  }
}

const info = (title: string, text: string): Sentence => ({ title, text, severity: 'info' });

function quota(subject: string, advice: string, data: Alert['data']): Sentence {
  const used = `${bytes(data.usedBytes)} of ${bytes(data.limitBytes)}`;
  if (data.threshold === 100) {
    return {
      title: 'Quota used up',
      text: `${subject}: ${used} used. Requests are refused until ${data.resetsAt}, or until the limit is raised.`,
      severity: 'error',
    };
  }
  return {
    title: `${data.threshold} % of the quota used`,
    text: `${subject}: ${used} used this month. ${advice}`,
    severity: 'warning',
  };
}

const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Formats a number of bytes in decimal units, like the dashboard. */
function bytes(value: unknown): string {
  let amount = Number(value);
  let unit = 0;
  while (amount >= 1_000 && unit < units.length - 1) {
    amount /= 1_000;
    unit += 1;
  }
  return `${unit === 0 ? amount : amount.toFixed(1).replace(/\.0$/, '')} ${units[unit]}`;
}
