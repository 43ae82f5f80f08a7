import { z } from '@hono/zod-openapi';
import { alertData, nameOfType } from './alert-data.ts';
import { alertTypes } from './alert-types.ts';
import { ofRow, time } from './answer.ts';
import { argumentRules } from './refusals.ts';
import { text } from './request-fields.ts';

const common = { id: z.uuid(), apiKeyId: z.uuid().nullable(), occurredAt: time };

const { read } = ofRow('AnyAlert', {
  ...common,
  type: z.enum(alertTypes),
  data: z.record(z.string(), z.unknown()),
});

/** A row of `list_proxy_alerts` as the API returns it: `type` determines the shape of `data`. */
export const alert = {
  answer: z.discriminatedUnion(
    'type',
    alertTypes.map((type) =>
      z
        .strictObject({
          ...common,
          type: z.literal(type),
          data: z.strictObject(alertData[type]),
        })
        .openapi(`${nameOfType(type)}Alert`),
    ) as unknown as [z.ZodObject, ...z.ZodObject[]],
  ),
  read,
};

/** `proxy_alert_threshold` as the API returns it. */
export const threshold = ofRow('AlertThreshold', {
  apiKeyId: z.uuid().nullable().openapi({
    description: 'Null for the account, whose thresholds also apply to keys without their own.',
  }),
  keyId: z.string().nullable(),
  label: z.string().nullable().openapi({ description: "The key's label." }),
  percents: z.array(z.int()),
});

const [leastPercent, mostPercent, mostPercents] = [10, 100, 5];

/** The body that sets thresholds. */
export const thresholdsBody = z
  .strictObject({
    percents: z
      .array(z.int().openapi({ minimum: leastPercent, maximum: mostPercent }))
      .refine(
        (list) =>
          list.length <= mostPercents &&
          list.every((percent) => percent >= leastPercent && percent <= mostPercent),
        argumentRules.percents,
      )
      .nullable()
      .openapi({ description: argumentRules.percents, maxItems: mostPercents }),
    keyId: text
      .optional()
      .openapi({ description: "The key's uuid or keyId. The default is the account." }),
  })
  .openapi('AlertThresholdsRequest');
