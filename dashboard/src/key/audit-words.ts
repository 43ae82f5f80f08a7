import type { AuditEntry } from '../data/key.ts';
import { limitNames, limits } from '../format/limits.ts';
import { dateTime } from '../format/time.ts';
import { shortRange } from './allowed-clients.ts';

/** A detail of an audit entry. `value` is a user's text and is shown apart. */
export interface Detail {
  text: string;
  value?: string;
}

const actions: Record<string, string> = {
  minted: 'Created',
  updated: 'Changed',
  rotated: 'Secret rotated',
  deleted: 'Deleted',
  suspended: 'Suspended',
  reactivated: 'Reactivated',
  limits_changed: 'Limits changed',
  account_limits_changed: 'Shared limits changed',
};

/** The action, in a word or two. */
export function actionWords({ action }: Pick<AuditEntry, 'action'>): string {
  // an action that this page does not know is shown by its name
  return Object.hasOwn(actions, action) ? (actions[action] ?? action) : action.replaceAll('_', ' ');
}

const ofAdmins = ['suspended', 'reactivated', 'limits_changed', 'account_limits_changed'];

/** The actor, in words for the user `userId`. The page does not know the names of other users. */
export function actorWords(
  { action, actor_id }: Pick<AuditEntry, 'action' | 'actor_id'>,
  userId: string,
  ownerId?: string | null,
): string {
  if (actor_id === null) return 'the operator';
  if (actor_id === userId) return 'you';
  if (actor_id === ownerId) return 'the owner';
  return ofAdmins.includes(action) ? 'an admin' : 'another account';
}

/** The new values and the reason. */
export function detailsOf({ action, changes, reason }: AuditEntry): Detail[] {
  const details: Detail[] = [];
  if (typeof changes === 'object' && changes !== null && !Array.isArray(changes)) {
    if (action === 'updated') details.push(...updates(changes));
    if (action === 'limits_changed') details.push(...limitChanges(changes));
  }
  if (reason) details.push({ text: 'Reason:', value: reason });
  return details;
}

type Changes = Record<string, unknown>;

function updates(changes: Changes): Detail[] {
  return Object.entries(changes).map(([column, value]) => {
    if (column === 'label') return { text: 'New label:', value: String(value) };
    if (column === 'allowed_ips' && Array.isArray(value)) {
      return value.length === 0
        ? { text: 'Any client can use it' }
        : { text: 'Allowed clients:', value: value.map(String).map(shortRange).join(', ') };
    }
    if (column === 'expires_at') {
      return { text: value === null ? 'Never expires' : `Expires on ${dateTime(String(value))}` };
    }
    // a column that this page does not know is shown by its name
    return { text: `New ${column.replaceAll('_', ' ')}:`, value: String(value ?? 'none') };
  });
}

function limitChanges({ tier, limit_overrides: overrides }: Changes): Detail[] {
  const own = (overrides ?? {}) as Record<string, unknown>;
  return [
    ...(typeof tier === 'string' ? [{ text: 'Tier:', value: tier }] : []),
    ...limitNames.map((name) => {
      const value = own[name];
      const { words, name: what } = limits[name];
      return { text: typeof value === 'number' ? words(value) : `${what}: tier default` };
    }),
  ];
}
