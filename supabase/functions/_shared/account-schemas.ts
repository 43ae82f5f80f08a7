import { z } from '@hono/zod-openapi';
import { count, ofRow, time, timeOrNull } from './answer.ts';

const quota = {
  usedBytes: count.openapi({ description: 'Used in this period, deleted keys included.' }),
  limitBytes: count,
  leftBytes: count,
  requests: count,
};

const accountTier = ofRow('AccountTier', {
  tier: z.string(),
  ...quota,
  billed: z.literal(true),
  keys: count.openapi({ description: 'Number of live and test keys that are not deleted.' }),
  keyLimit: z.int().positive(),
  limitOverrides: z
    .strictObject({ accountLimitBytes: count.optional(), testLimitBytes: count.optional() })
    .openapi({ description: "The limits that an admin set to override the tier's." }),
  test: z.strictObject({ ...quota, billed: z.literal(false) }).openapi({
    description: 'The quota that all test keys of the tier share, separate from the live keys.',
  }),
});

const accountShape = {
  userId: z.uuid(),
  period: z.string().openapi({ description: 'This calendar month (UTC).', example: '2026-11' }),
  resetsAt: time,
  tiers: z.array(accountTier.answer).openapi({
    description:
      'The tiers that the user may mint keys of, or has keys or usage of, smallest first. Each has ' +
      'the quota that all its live keys share.',
  }),
};

/** `proxy_account_state` as the API returns it. */
export const account = {
  answer: z.strictObject(accountShape).openapi('Account'),
  read(row: unknown) {
    const { user_id, period, resets_at, tiers } = row as Record<string, unknown>;
    return {
      userId: user_id as string,
      period: period as string,
      resetsAt: time.parse(resets_at),
      tiers: (tiers as unknown[]).map(accountTier.read),
    };
  },
};

const person = {
  email: z.string().nullable(),
  removed: z.boolean().openapi({ description: 'Whether the account was removed.' }),
  barredUntil: timeOrNull.openapi({
    description: 'When the ban on the account ends; null if it is not banned, 2100 if permanent.',
  }),
};

/** A key's owner as admins see it. */
export const keyOwner = ofRow('KeyOwner', { userId: z.uuid().nullable(), ...person });

const usedBytes = count.openapi({ description: 'Used by all keys, live and test, this month.' });
const rank = ofRow('UserRank', { ...person, usedBytes });

/** An entry in the admins' list of users by usage. */
export const userUsage = {
  answer: z.strictObject({ ...accountShape, ...person, usedBytes }).openapi('UserUsage'),
  read: (row: unknown) => ({ ...account.read(row), ...rank.read(row) }),
};
