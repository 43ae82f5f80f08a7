import type { Tone } from '../components/tone.ts';
import type { KeyReading } from '../data/use-any-key.ts';
import { date, dateTime } from '../format/time.ts';
import { keyTones } from '../keys/key-state.ts';

/** Whether the gateway serves a key now, why, and what to do about it. */
export interface Verdict {
  name: string;
  kind: Tone;
  /** The status and code of the gateway's refusal; undefined if the key is served. */
  refusal?: string;
  why: string;
  /** An admin's reason. */
  reason?: string;
  next: string;
}

const out = '407 credentials_required';
/** A permanent ban ends in this year. */
const forGood = '2100';

/** The verdict on a key, in the order of the gateway's checks. */
export function verdictOf({ key, owner, account }: KeyReading): Verdict {
  switch (key.state) {
    case 'deleted':
      return {
        name: 'Refused: deleted',
        kind: keyTones.deleted,
        refusal: out,
        why: `It was deleted on ${timeOf(key.deleted_at)}.`,
        next: owner.removed
          ? 'The owner’s account was removed, so the key cannot be reactivated.'
          : 'If you reactivate it, its secret works again.',
      };
    case 'suspended':
      return {
        name: 'Refused: suspended',
        kind: keyTones.suspended,
        refusal: '403 key_suspended',
        why: `An admin suspended it on ${timeOf(key.suspended_at)}.`,
        ...(key.suspended_reason ? { reason: key.suspended_reason } : {}),
        next: 'Reactivate it when the reason no longer applies.',
      };
    case 'expired':
      return {
        name: 'Refused: expired',
        kind: keyTones.expired,
        refusal: out,
        why: `It expired on ${timeOf(key.expires_at)}.`,
        next: 'If the owner sets a new expiry, its secret works again.',
      };
    case 'owner_barred':
      return {
        name: 'Refused: account banned',
        kind: keyTones.owner_barred,
        refusal: out,
        why: owner.barred_until?.startsWith(forGood)
          ? 'The owner’s account is banned permanently or deleted.'
          : `The owner’s account is banned until ${timeOf(owner.barred_until)}.`,
        next: 'All keys of the owner work again when the ban ends or is lifted in Supabase Auth.',
      };
    case 'quota_used_up': {
      const resets = account ? date(account.resets_at) : 'the first of next month';
      if (key.quota_used_up_by === 'account') {
        return {
          name: 'Refused: shared quota used up',
          kind: keyTones.quota_used_up,
          refusal: '402 account_quota_exceeded',
          why:
            `All ${key.live_mode ? 'live' : 'test'} keys of the owner in tier ${key.tier} share a quota, ` +
            'which is used up for this month.',
          next: `It resets on ${resets} (UTC). To serve it sooner, raise the account’s limit.`,
        };
      }
      return {
        name: 'Refused: quota used up',
        kind: keyTones.quota_used_up,
        refusal: '402 quota_exceeded',
        why: 'It has used its quota for this month.',
        next: `It resets on ${resets} (UTC). To serve it sooner, raise its limit.`,
      };
    }
    // active
    default:
      return {
        name: 'Active',
        kind: keyTones.active,
        why: 'The gateway serves its requests from allowed clients, within its limits.',
        next: 'If requests still fail, see the last request and the outcomes below.',
      };
  }
}

function timeOf(time: string | null | undefined): string {
  return time ? dateTime(time) : 'an unknown day';
}
