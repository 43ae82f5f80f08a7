import type { Refusal } from './refusal.ts';

/** What the page knows better than the database, or alone. */
const sentences: Record<string, string> = {
  unauthorized: 'Your session has ended. Sign in again.',
  rate_limited: 'You have done this as often as you may for now.',
  idempotency_mismatch: 'Something else was sent before. Close this and begin again.',
  offline: 'No answer came. You may be offline. Trying again is safe: nothing is done twice.',
  unavailable: 'The service does not answer right now. Try again in a moment.',
};

/** What is said of a read, which does nothing. */
const ofReads: Record<string, string> = {
  rate_limited: 'This was read as often as it may be for now.',
  offline: 'No answer came. You may be offline.',
};

/** What is said where the database says nothing of it. */
const fallbacks: Record<string, string> = {
  forbidden: 'Your account may not read or do this. Sign in again, or ask the operator.',
};
const lastResort = 'Something went wrong on our side. Try again in a moment.';

/** What a refusal means and what to do next, in a sentence or two. */
export function wordsOf({ code, sentence }: Refusal, reading = false): string {
  return (
    (reading ? ofReads[code] : undefined) ??
    sentences[code] ??
    sentence ??
    fallbacks[code] ??
    lastResort
  );
}
