import { z } from '@hono/zod-openapi';
import { count, ofRow } from './answer.ts';
import { keyDetail, keyState } from './key-schemas.ts';

const reason = z
  .enum(['quota_used_up', 'suspended', 'expired', 'quota_nearly_used_up', 'expires_soon'])
  .openapi({
    description:
      '`quota_nearly_used_up`: at 80 % of its own quota. `expires_soon`: expires within 7 days.',
  });

const pressingKey = ofRow('PressingKey', { ...keyDetail.answer.shape, reason });

/** `proxy_key_attention` as the API returns it. */
export const keyAttention = {
  answer: z
    .strictObject({
      hasKeys: z.boolean().openapi({ description: 'Whether you have any keys, deleted or not.' }),
      states: z
        .array(z.strictObject({ state: keyState, keys: count }))
        .openapi({ description: 'How many of your keys are in each state, except deleted keys.' }),
      reasons: z.array(z.strictObject({ reason, keys: count })).openapi({
        description:
          'Why keys need attention, the most urgent reason first, and how many keys each concerns.',
      }),
      keys: z.array(pressingKey.answer).openapi({ description: 'The most urgent of these keys.' }),
    })
    .openapi('KeyAttention'),
  read(row: unknown) {
    const { has_keys, states, reasons, keys } = row as Record<string, unknown>;
    return {
      hasKeys: has_keys as boolean,
      states,
      reasons,
      keys: (keys as unknown[]).map(pressingKey.read),
    };
  },
};
