/** The alert types in words, for the list's filter and for webhooks. */
export const alertTypes: Record<string, string> = {
  'key.quota': 'Key reached a quota threshold',
  'account.quota': 'Account reached a quota threshold',
  'key.expiring': 'Key expires soon',
  'key.unusual_usage': 'Unusual key usage',
  'key.suspended': 'Key suspended',
  'key.reactivated': 'Key reactivated',
  'key.limits_changed': 'Key limits changed',
  'account.limits_changed': 'Account limits changed',
  'tier.granted': 'Tier granted',
  'tier.revoked': 'Tier revoked',
  'key.minted': 'Key created',
  'key.rotated': 'Secret rotated',
  'key.deleted': 'Key deleted',
  'webhook.disabled': 'Webhook disabled',
  'webhook.test': 'Webhook test',
};

/** A type in words; an unknown type by its name. */
export function typeWords(type: string): string {
  return Object.hasOwn(alertTypes, type) ? (alertTypes[type] ?? type) : type;
}
