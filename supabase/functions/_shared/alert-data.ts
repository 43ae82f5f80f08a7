import { z } from '@hono/zod-openapi';
import type { AlertType } from './alert-types.ts';
import { count } from './answer.ts';

const time = z.iso.datetime();
const reason = z.string().openapi({ description: "The admin's reason." });
const tier = z.string();

const key = {
  apiKeyId: z.uuid(),
  keyId: z.string().openapi({ example: 'avp_live_64a231d7cae0' }),
  label: z.string(),
};
const changedKey = { ...key, reason: reason.optional() };

const quota = {
  threshold: z.int().openapi({ description: 'The percentage of the limit that was reached.' }),
  limitBytes: count,
  usedBytes: count,
  period: z.string().openapi({ description: 'The calendar month (UTC).', example: '2026-11' }),
  resetsAt: time,
};

const changedTier = { tier, reason: reason.optional() };

const webhook = { webhookId: z.uuid(), kind: z.string() };

/** The `data` of each type of alert: what SQL writes, in camelCase. */
export const alertData: Record<AlertType, z.ZodRawShape> = {
  'key.minted': changedKey,
  'key.rotated': changedKey,
  'key.deleted': changedKey,
  'key.suspended': changedKey,
  'key.reactivated': changedKey,
  'key.limits_changed': {
    ...changedKey,
    tier,
    bandwidthLimitBytes: count,
    rateLimit: z.int().positive(),
    tunnelLimit: z.int().positive(),
  },
  'key.quota': { ...key, ...quota },
  'key.expiring': {
    ...key,
    expiresAt: time,
    days: z.int().openapi({ description: 'The key expires within this many days: 7, then 1.' }),
  },
  'key.unusual_usage': {
    ...key,
    hour: time,
    bytes: count,
    medianBytes: count.openapi({
      description: 'The median of its hours with usage in the previous 7 days.',
    }),
  },
  'account.quota': { tier, liveMode: z.boolean(), ...quota },
  'account.limits_changed': changedTier,
  'tier.granted': changedTier,
  'tier.revoked': changedTier,
  'webhook.disabled': {
    ...webhook,
    address: z.string(),
    reason: z.enum(['failing', 'gone']),
    failingSince: time.nullable(),
  },
  'webhook.test': webhook,
};

/** `KeyMinted` for `key.minted`. */
export function nameOfType(type: AlertType): string {
  return type
    .split(/[._]/)
    .map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`)
    .join('');
}
