import { z } from '@hono/zod-openapi';
import { count, ofRow, time, timeOrNull } from './answer.ts';
import { labelField, text, tierField } from './request-fields.ts';

const id = z.uuid();
const keyId = z
  .string()
  .regex(/^avp_(live|test)_[0-9a-f]{12}$/)
  .openapi({
    example: 'avp_live_64a231d7cae0',
    description: 'Public; safe to log; never changes.',
  });
const label = z.string();
const tier = z.string();
const liveMode = z.boolean().openapi({ description: 'Billed when true, metered only when false.' });
const bandwidthLimitBytes = count.openapi({ description: 'Bytes in and out per month (UTC).' });
const rateLimit = z.int().positive().openapi({ description: 'CONNECTs per second.' });
const tunnelLimit = z
  .int()
  .positive()
  .openapi({ description: 'Tunnels that may be open at once on one gateway.' });

/** `minted_proxy_key` as the API answers it: the one place where a secret passes. */
export const mintedKey = ofRow('MintedKey', {
  id,
  keyId,
  secret: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .openapi({ description: 'Shown this once, and stored nowhere.' }),
  basicAuth: z.string().openapi({ description: '`keyId:secret`, as a proxy URL takes it.' }),
  label,
  tier,
  liveMode,
  bandwidthLimitBytes,
  rateLimit,
  active: z.boolean(),
  createdAt: time,
  rotatedAt: timeOrNull,
});

/** What the gateway makes of a key. */
export const keyState = z
  .enum(['active', 'quota_used_up', 'suspended', 'expired', 'owner_barred', 'deleted'])
  .openapi({
    description:
      'What the gateway makes of the key now. `owner_barred`: its account is banned or removed.',
  });

const summary = {
  id,
  keyId,
  label,
  tier,
  liveMode,
  bandwidthUsedThisPeriodBytes: count,
  bandwidthLimitBytes,
  rateLimit,
  active: z.boolean().openapi({ description: 'Neither deleted, nor suspended, nor expired.' }),
  state: keyState,
  quotaUsedUpBy: z
    .enum(['key', 'account'])
    .nullable()
    .openapi({
      description:
        "Of state `quota_used_up`, whose quota it is: the key's, or the one that it shares with the " +
        "account's other keys.",
    }),
  lastUsedAt: timeOrNull,
  createdAt: time,
};

/** A row of `proxy_key_summaries` as lists answer it. */
export const keySummary = ofRow('KeySummary', summary);

const detail = {
  ...summary,
  tunnelLimit,
  limitOverrides: z
    .strictObject({
      bandwidthLimitBytes: bandwidthLimitBytes.optional(),
      rateLimit: rateLimit.optional(),
      tunnelLimit: tunnelLimit.optional(),
    })
    .openapi({ description: "The limits that an admin set in place of the tier's." }),
  rotatedAt: timeOrNull,
  graceEndsAt: timeOrNull.openapi({
    description: 'Until then the secret before the last rotation works too.',
  }),
  allowedIps: z
    .array(z.string())
    .openapi({ description: 'CIDR ranges of clients that may use it; empty for any.' }),
  expiresAt: timeOrNull,
  suspendedAt: timeOrNull,
  suspendedReason: z.string().nullable(),
  deletedAt: timeOrNull,
};

/** A row of `proxy_key_summaries` with all that its owner may know. */
export const keyDetail = ofRow('Key', detail);

/** A key as admins find it. */
export const foundKey = ofRow('FoundKey', {
  ...detail,
  userId: z.uuid().nullable().openapi({ description: 'Null once the account is removed.' }),
  email: z.string().nullable(),
});

const allowedIps = z
  .array(text)
  .max(50)
  .openapi({
    description: 'IPv4 or IPv6 addresses or CIDR ranges of clients; empty for any.',
    example: ['203.0.113.0/24', '2001:db8::/32'],
  })
  .optional();
const expiresAt = z.iso
  .datetime({ offset: true })
  .nullable()
  .openapi({ description: 'A time to come, or null for never.' })
  .optional();

/** The body of mint: types alone, as the rules are the database's. */
export const mintBody = z
  .strictObject({
    label: labelField,
    tier: tierField.optional(),
    liveMode: z.boolean().optional(),
    allowedIps,
    expiresAt,
  })
  .openapi('MintRequest');

/** The body of an update. */
export const updateBody = z
  .strictObject({ label: labelField.optional(), allowedIps, expiresAt })
  .openapi('UpdateRequest');

/** The body of a change of several keys. */
export const changesBody = z
  .strictObject({
    ids: z
      .array(text)
      .min(1)
      .max(300)
      .openapi({ description: 'uuids or keyIds. One named twice counts once.' }),
    deleted: z
      .literal(true)
      .openapi({ description: 'Takes them out of service; nothing else with it.' })
      .optional(),
    allowedIps,
    expiresAt,
  })
  .openapi('KeyChangesRequest');

/** `proxy_key_changes` as the API answers it. */
export const keyChanges = ofRow('KeyChanges', {
  changed: count.openapi({ description: 'Keys that are another now.' }),
  unchanged: count.openapi({ description: 'Keys that were so already.' }),
});

/** The body of a rotation, which may be left out. */
export const rotateBody = z
  .strictObject({
    graceSeconds: z
      .int()
      .min(0)
      .max(30)
      .openapi({ description: 'How long the secret before works too; 0 by default.' })
      .optional(),
  })
  .openapi('RotateRequest');
