import { z } from '@hono/zod-openapi';
import type { AlertType } from './alert-types.ts';
import { count } from './answer.ts';

const time = z.iso.datetime();
const reason = z.string().openapi({ description: "The admin's." });
const tier = z.string();

const key = {
  apiKeyId: z.uuid(),
  keyId: z.string().openapi({ example: 'avp_live_64a231d7cae0' }),
  label: z.string(),
};
const changedKey = { ...key, reason: reason.optional() };

const quota = {
  threshold: z.int().openapi({ description: 'The percent of the limit that was passed.' }),
  limitBytes: count,
  usedBytes: count,
  period: z.string().openapi({ description: 'The calendar month (UTC).', example: '2026-11' }),
  resetsAt: time,
};

const changedTier = { tier, reason: reason.optional() };

const webhook = { webhookId: z.uuid(), kind: z.string() };

/** What an alert of each type says in `data`: as SQL writes it, in camelCase. */
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
    days: z.int().openapi({ description: 'It expires within so many days: 7, then 1.' }),
  },
  'key.unusual_usage': {
    ...key,
    hour: time,
    bytes: count,
    medianBytes: count.openapi({ description: 'Of its hours with usage in the 7 days before.' }),
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
