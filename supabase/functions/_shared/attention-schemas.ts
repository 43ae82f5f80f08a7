import { z } from '@hono/zod-openapi';
import { count, ofRow } from './answer.ts';
import { keyDetail, keyState } from './key-schemas.ts';

const reason = z
  .enum(['quota_used_up', 'suspended', 'expired', 'quota_nearly_used_up', 'expires_soon'])
  .openapi({ description: 'Nearly: 80 % of its own quota. Soon: within 7 days.' });

const pressingKey = ofRow('PressingKey', { ...keyDetail.answer.shape, reason });

/** `proxy_key_attention` as the API answers it. */
export const keyAttention = {
  answer: z
    .strictObject({
      hasKeys: z.boolean().openapi({ description: 'Whether you have keys, deleted ones too.' }),
      states: z
        .array(z.strictObject({ state: keyState, keys: count }))
        .openapi({ description: 'How many of your keys that are not deleted are in each.' }),
      reasons: z.array(z.strictObject({ reason, keys: count })).openapi({
        description: 'Why keys need attention, the most pressing first, and how many do.',
      }),
      keys: z.array(pressingKey.answer).openapi({ description: 'The most pressing of these.' }),
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
