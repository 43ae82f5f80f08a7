import type { Outcome } from '../../../supabase/functions/deliver/outcome.ts';
import type { Tone } from '../components/tone.ts';
import type { Attempt, Delivery, Webhook } from '../data/alert.ts';
import { fromNow } from '../format/time.ts';

const outcomes: Record<Outcome, string> = {
  delivered: 'Delivered',
  refused_status: 'Refused by the receiver',
  redirected: 'Redirected; redirects are not followed',
  timed_out: 'No response within 10 seconds',
  not_resolved: 'The host name has no address',
  target_forbidden: 'The address or port is not allowed',
  not_connected: 'Could not connect',
  tls_failed: 'TLS failed, or the certificate is not valid for the host name',
  broke_off: 'The connection closed before a response, or the response was not HTTP',
  not_configured: 'This project has no e-mail service',
};

/** An attempt's outcome in words; an unknown code by its name. */
export function outcomeWords({ outcome }: Pick<Attempt, 'outcome'>): string {
  const words = Object.hasOwn(outcomes, outcome) ? outcomes[outcome as Outcome] : undefined;
  return words ?? outcome.replaceAll('_', ' ');
}

/** A delivery's state in words. */
export interface DeliveryState {
  name: string;
  kind: Tone;
  explanation?: string;
}

/** The state of a delivery to a webhook at `now`, in milliseconds since the epoch. */
export function deliveryState(
  { state, attempts, next_attempt_at }: Delivery,
  { disabled_at }: Pick<Webhook, 'disabled_at'>,
  now: number,
): DeliveryState {
  if (state === 'delivered') return { name: 'Delivered', kind: 'good' };
  if (state === 'failed') {
    return { name: 'Failed', kind: 'bad', explanation: 'There are no more attempts.' };
  }
  if (disabled_at) {
    return {
      name: 'Pending',
      kind: 'neutral',
      explanation: 'Waiting until the webhook is enabled.',
    };
  }
  const due = next_attempt_at ? Date.parse(next_attempt_at) : now;
  const next = due <= now ? 'within a minute' : fromNow(due, now);
  if (attempts === 0) {
    return { name: 'Pending', kind: 'neutral', explanation: `First attempt ${next}.` };
  }
  return { name: 'Pending', kind: 'warning', explanation: `Next attempt ${next}.` };
}
