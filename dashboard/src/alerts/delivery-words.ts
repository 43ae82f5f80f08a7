import type { Outcome } from '../../../supabase/functions/deliver/outcome.ts';
import type { Tone } from '../components/tone.ts';
import type { Attempt, Delivery, Webhook } from '../data/alert.ts';
import { fromNow } from '../format/time.ts';

const outcomes: Record<Outcome, string> = {
  delivered: 'Delivered',
  refused_status: 'Refused by the receiver',
  redirected: 'Redirected, which is not followed',
  timed_out: 'No answer within 10 seconds',
  not_resolved: 'The name has no address',
  target_forbidden: 'The address or the port is not allowed',
  not_connected: 'No connection',
  tls_failed: 'No TLS, or a certificate that is not valid for the name',
  broke_off: 'The connection ended before an answer, or the answer was not HTTP',
  not_configured: 'This project has no mail service',
};

/** What came of an attempt, in words; a code that is newer than this page as it is named. */
export function outcomeWords({ outcome }: Pick<Attempt, 'outcome'>): string {
  const words = Object.hasOwn(outcomes, outcome) ? outcomes[outcome as Outcome] : undefined;
  return words ?? outcome.replaceAll('_', ' ');
}

/** How far a delivery is, in words. */
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
    return { name: 'Failed', kind: 'bad', explanation: 'It is not attempted any more.' };
  }
  if (disabled_at) {
    return {
      name: 'Pending',
      kind: 'neutral',
      explanation: 'It waits until the webhook is enabled.',
    };
  }
  const due = next_attempt_at ? Date.parse(next_attempt_at) : now;
  const next = due <= now ? 'within a minute' : fromNow(due, now);
  if (attempts === 0) {
    return { name: 'Pending', kind: 'neutral', explanation: `First attempt ${next}.` };
  }
  return { name: 'Pending', kind: 'warning', explanation: `Next attempt ${next}.` };
}
