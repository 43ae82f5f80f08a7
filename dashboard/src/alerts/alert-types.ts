/** What each type of alert is about, in words: those that a webhook may want, and the list be filtered by. */
export const alertTypes: Record<string, string> = {
  'key.quota': 'Quota threshold of a key reached',
  'account.quota': 'Quota threshold of the account reached',
  'key.expiring': 'Key expires soon',
  'key.unusual_usage': 'Unusual usage of a key',
  'key.suspended': 'Key suspended',
  'key.reactivated': 'Key reactivated',
  'key.limits_changed': 'Limits of a key changed',
  'account.limits_changed': 'Limits of the account changed',
  'tier.granted': 'Tier granted',
  'tier.revoked': 'Tier taken back',
  'key.minted': 'Key created',
  'key.rotated': 'Secret rotated',
  'key.deleted': 'Key deleted',
  'webhook.disabled': 'Webhook disabled',
  'webhook.test': 'Test of a webhook',
};

/** A type in words; one that is newer than this page as it is named. */
export function typeWords(type: string): string {
  return Object.hasOwn(alertTypes, type) ? (alertTypes[type] ?? type) : type;
}
