import { z } from '@hono/zod-openapi';
import { count, ofRow, time, timeOrNull } from './answer.ts';

const quota = {
  usedBytes: count.openapi({ description: 'In this period, by deleted keys too.' }),
  limitBytes: count,
  leftBytes: count,
  requests: count,
};

const accountTier = ofRow('AccountTier', {
  tier: z.string(),
  ...quota,
  billed: z.literal(true),
  keys: count.openapi({ description: 'Not deleted, live and test.' }),
  keyLimit: z.int().positive(),
  limitOverrides: z
    .strictObject({ accountLimitBytes: count.optional(), testLimitBytes: count.optional() })
    .openapi({ description: "The limits that an admin set in place of the tier's." }),
  test: z
    .strictObject({ ...quota, billed: z.literal(false) })
    .openapi({ description: 'What all test keys of the tier share, apart from the live ones.' }),
});

const accountShape = {
  userId: z.uuid(),
  period: z.string().openapi({ description: 'This calendar month (UTC).', example: '2026-11' }),
  resetsAt: time,
  tiers: z.array(accountTier.answer).openapi({
    description:
      'Those that the user may have keys of, or has keys or usage of; the smallest first. Each ' +
      'with what all its live keys share.',
  }),
};

/** `proxy_account_state` as the API answers it. */
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
  removed: z.boolean().openapi({ description: 'Whether the account is no longer there.' }),
  barredUntil: timeOrNull.openapi({
    description: 'Until when the account is banned; null where it is not, 2100 for good.',
  }),
};

/** The owner of a key as admins see them. */
export const keyOwner = ofRow('KeyOwner', { userId: z.uuid().nullable(), ...person });

const usedBytes = count.openapi({ description: 'By all keys, live and test, in this month.' });
const rank = ofRow('UserRank', { ...person, usedBytes });

/** A user in the order of usage, as admins see them. */
export const userUsage = {
  answer: z.strictObject({ ...accountShape, ...person, usedBytes }).openapi('UserUsage'),
  read: (row: unknown) => ({ ...account.read(row), ...rank.read(row) }),
};
