import type { Tone } from '../components/tone.ts';
import type { Webhook } from '../data/alert.ts';
import { dateTime } from '../format/time.ts';
import { typeWords } from './alert-types.ts';

const kinds: Record<string, string> = {
  webhook: 'Webhook (signed JSON)',
  slack: 'Slack',
  discord: 'Discord',
  pagerduty: 'PagerDuty',
  email: 'E-mail',
};

/** A webhook's name: its label, or its address. */
export function webhookName({ label, address, kind }: Webhook): string {
  return label ?? address ?? kindWords(kind);
}

/** A kind in words; an unknown kind by its name. */
export function kindWords(kind: string): string {
  return Object.hasOwn(kinds, kind) ? (kinds[kind] ?? kind) : kind;
}

/** A webhook's state in words. */
export interface WebhookState {
  name: string;
  kind: Tone;
  explanation: string;
}

/** The state of a webhook. */
export function webhookState(webhook: Webhook): WebhookState {
  const { disabled_at, disabled_reason, failing_since, last_delivered_at } = webhook;
  if (disabled_at) {
    const since = `since ${dateTime(disabled_at)}`;
    if (disabled_reason === 'failing') {
      const explanation = `Disabled ${since}, after failing for three days.`;
      return { name: 'Disabled', kind: 'bad', explanation };
    }
    if (disabled_reason === 'gone') {
      const explanation = `Disabled ${since}, after it returned 410 Gone.`;
      return { name: 'Disabled', kind: 'bad', explanation };
    }
    return { name: 'Disabled', kind: 'neutral', explanation: `Disabled by its owner, ${since}.` };
  }
  if (failing_since) {
    const explanation = `Failing since ${dateTime(failing_since)}. It is disabled after three days of failures.`;
    return { name: 'Failing', kind: 'warning', explanation };
  }
  if (last_delivered_at) {
    const explanation = `Last delivered on ${dateTime(last_delivered_at)}.`;
    return { name: 'Working', kind: 'good', explanation };
  }
  return { name: 'New', kind: 'neutral', explanation: 'Nothing delivered yet.' };
}

/** Which alerts a webhook gets, in words. */
export function wantedWords({ types }: Pick<Webhook, 'types'>): string {
  if (types === null) return 'All alerts';
  return types.map(typeWords).join(', ');
}
