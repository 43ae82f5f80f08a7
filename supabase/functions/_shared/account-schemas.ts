import { z } from '@hono/zod-openapi';
import { count, ofRow, time } from './answer.ts';

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

/** `proxy_account_state` as the API answers it. */
export const account = {
  answer: z
    .strictObject({
      userId: z.uuid(),
      period: z.string().openapi({ description: 'This calendar month (UTC).', example: '2026-11' }),
      resetsAt: time,
      tiers: z.array(accountTier.answer).openapi({
        description:
          'Those that the user may have keys of, or has keys or usage of; the smallest first. Each ' +
          'with what all its live keys share.',
      }),
    })
    .openapi('Account'),
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
