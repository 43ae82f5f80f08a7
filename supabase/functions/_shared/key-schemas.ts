import { z } from '@hono/zod-openapi';
import { count, ofRow, time, timeOrNull } from './answer.ts';
import { labelField, text, tierField } from './request-fields.ts';

const id = z.uuid();
const keyId = z
  .string()
  .regex(/^avp_(live|test)_[0-9a-f]{12}$/)
  .openapi({
    example: 'avp_live_64a231d7cae0',
    description: 'Public, safe to log, and never changes.',
  });
const label = z.string();
const tier = z.string();
const liveMode = z
  .boolean()
  .openapi({ description: 'A live key (true) is billed; a test key (false) is only metered.' });
const bandwidthLimitBytes = count.openapi({
  description: 'Bytes in and out per calendar month (UTC).',
});
const rateLimit = z.int().positive().openapi({ description: 'CONNECTs per second.' });
const tunnelLimit = z
  .int()
  .positive()
  .openapi({ description: 'Tunnels that may be open at the same time on one gateway.' });

/** `minted_proxy_key` as the API returns it: the only response that contains a secret. */
export const mintedKey = ofRow('MintedKey', {
  id,
  keyId,
  secret: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .openapi({ description: 'Shown only once and never stored.' }),
  basicAuth: z.string().openapi({ description: '`keyId:secret`, for use in a proxy URL.' }),
  label,
  tier,
  liveMode,
  bandwidthLimitBytes,
  rateLimit,
  active: z.boolean(),
  createdAt: time,
  rotatedAt: timeOrNull,
});

/** The state in which the gateway sees a key. */
export const keyState = z
  .enum(['active', 'quota_used_up', 'suspended', 'expired', 'owner_barred', 'deleted'])
  .openapi({
    description:
      'The state in which the gateway sees the key now. `owner_barred`: its account is banned or ' +
      'removed.',
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
  active: z.boolean().openapi({ description: 'Not deleted, suspended or expired.' }),
  state: keyState,
  quotaUsedUpBy: z
    .enum(['key', 'account'])
    .nullable()
    .openapi({
      description:
        "In state `quota_used_up`, the quota that is used up: the key's own (`key`), or the one it " +
        "shares with the account's other keys (`account`).",
    }),
  lastUsedAt: timeOrNull,
  createdAt: time,
};

/** A row of `proxy_key_summaries` as lists return it. */
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
    .openapi({ description: "The limits that an admin set to override the tier's." }),
  rotatedAt: timeOrNull,
  graceEndsAt: timeOrNull.openapi({
    description: 'Until this time, the secret from before the last rotation also works.',
  }),
  allowedIps: z
    .array(z.string())
    .openapi({ description: 'CIDR ranges of clients that may use the key; empty for any.' }),
  expiresAt: timeOrNull,
  suspendedAt: timeOrNull,
  suspendedReason: z.string().nullable(),
  deletedAt: timeOrNull,
};

/** A row of `proxy_key_summaries` with everything that its owner may see. */
export const keyDetail = ofRow('Key', detail);

/** A key as admins see it. */
export const foundKey = ofRow('FoundKey', {
  ...detail,
  userId: z.uuid().nullable().openapi({ description: 'Null after the account is removed.' }),
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
  .openapi({ description: 'A future time, or null for no expiry.' })
  .optional();

/** The body of a mint: types only, as the database enforces the rules. */
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

/** The body of a change to several keys. */
export const changesBody = z
  .strictObject({
    ids: z
      .array(text)
      .min(1)
      .max(300)
      .openapi({ description: 'The uuids or keyIds of the keys. A duplicate counts once.' }),
    deleted: z
      .literal(true)
      .openapi({ description: 'Deletes the keys. It cannot be combined with other changes.' })
      .optional(),
    allowedIps,
    expiresAt,
  })
  .openapi('KeyChangesRequest');

/** `proxy_key_changes` as the API returns it. */
export const keyChanges = ofRow('KeyChanges', {
  changed: count.openapi({ description: 'Keys that were changed.' }),
  unchanged: count.openapi({ description: 'Keys that already had these values.' }),
});

/** The optional body of a rotation. */
export const rotateBody = z
  .strictObject({
    graceSeconds: z
      .int()
      .min(0)
      .max(30)
      .openapi({ description: 'How long the old secret keeps working; 0 by default.' })
      .optional(),
  })
  .openapi('RotateRequest');
