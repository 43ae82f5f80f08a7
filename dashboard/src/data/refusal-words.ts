import type { Refusal } from './refusal.ts';

const fields: Record<string, string> = {
  label:
    'A label has 1 to 80 characters that can be seen, and none that breaks the line or changes its direction.',
  tier: 'There is no such tier.',
  allowed_ips:
    'An address or range is not right. A range has no bits behind its mask: 203.0.113.0/24, not 203.0.113.7/24. There are at most 50.',
  expires_at: 'An expiry is a time to come.',
  reason:
    'A reason has 1 to 500 characters that can be seen, and none that controls text or its direction.',
  bandwidth_limit_bytes: 'A limit is a whole number of bytes, not below zero.',
  rate_limit: 'A rate is a whole number from 1 to 1,000,000.',
  tunnel_limit: 'A number of open connections is a whole number from 1 to 1,000,000.',
  grace_seconds: 'The old secret can be kept for 0 to 30 seconds.',
  status_code: 'A status is a number from 100 to 999.',
  target_host: 'A host has 1 to 255 characters.',
  code: 'A code has small letters, digits and underscores: rate_limited.',
  from: 'The first time is none, or the span is too long.',
  to: 'The second time must come after the first.',
  user: 'Name a user by id or e-mail address.',
};

const sentences: Record<string, string> = {
  unauthorized: 'Your session has ended. Sign in again.',
  forbidden: 'Only an admin may do this.',
  tier_not_granted: 'This tier needs a grant. Ask an admin for it, or choose another.',
  not_found: 'There is no such key. It may belong to another account.',
  user_not_found: 'There is no such user. An e-mail address must be confirmed to count.',
  key_deleted: 'The key was deleted meanwhile.',
  key_suspended: 'The key is suspended. It cannot be rotated until an admin reactivates it.',
  key_expired: 'The key has expired. Give it another expiry first.',
  key_limit_reached: 'You have as many keys of this tier as it allows. Delete one you do not need.',
  rate_limited: 'You have done this as often as you may for now.',
  idempotency_mismatch: 'Something else was sent before. Close this and begin again.',
  offline: 'No answer came. You may be offline. Trying again is safe: nothing is done twice.',
  unavailable: 'The service does not answer right now. Try again in a moment.',
};

/** What a refusal means and what to do next, in a sentence or two. */
export function wordsOf({ code, detail }: Refusal): string {
  if (code === 'invalid_request') {
    return fields[detail ?? ''] ?? 'Something in it is not right. Check what you entered.';
  }
  return sentences[code] ?? 'Something went wrong on our side. Try again in a moment.';
}
