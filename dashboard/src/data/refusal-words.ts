import type { Refusal } from './refusal.ts';

/** Sentences that replace the database's own, or that only the page knows. */
const sentences: Record<string, string> = {
  unauthorized: 'Your session has ended. Sign in again.',
  rate_limited: 'You have done this too often.',
  idempotency_mismatch: 'This form was already sent with other values. Close it and start again.',
  offline: 'No response. You may be offline. It is safe to try again: nothing is done twice.',
  unavailable: 'The service is unavailable. Try again in a moment.',
};

/** Sentences for reads, which change nothing. */
const ofReads: Record<string, string> = {
  rate_limited: 'This was requested too often.',
  offline: 'No response. You may be offline.',
};

/** Sentences for refusals without one from the database. */
const fallbacks: Record<string, string> = {
  forbidden: 'Your account does not have permission for this. Sign in again, or ask the operator.',
};
const lastResort = 'Something went wrong on our side. Try again in a moment.';

/** Explains a refusal and what to do next, in a sentence or two. */
export function wordsOf({ code, sentence }: Refusal, reading = false): string {
  return (
    (reading ? ofReads[code] : undefined) ??
    sentences[code] ??
    sentence ??
    fallbacks[code] ??
    lastResort
  );
}
