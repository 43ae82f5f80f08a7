/** Every type of alert, as in `proxy_private.alert_types`. */
export const alertTypes = [
  'key.minted',
  'key.rotated',
  'key.deleted',
  'key.suspended',
  'key.reactivated',
  'key.limits_changed',
  'key.quota',
  'key.expiring',
  'key.unusual_usage',
  'account.quota',
  'account.limits_changed',
  'tier.granted',
  'tier.revoked',
  'webhook.disabled',
  'webhook.test',
] as const;

export type AlertType = (typeof alertTypes)[number];
