import { z } from '@hono/zod-openapi';
import { alertTypes } from './alert-types.ts';
import { count, ofRow, time, timeOrNull } from './answer.ts';
import { argumentRules } from './refusals.ts';
import { labelField, text } from './request-fields.ts';

const shown = {
  id: z.uuid(),
  kind: z.enum(['webhook', 'slack', 'discord', 'pagerduty', 'email']),
  label: z.string().nullable(),
  address: z.string().openapi({
    description:
      'The URL of a generic webhook; only the host if the URL is secret; or an e-mail address.',
  }),
  types: z.array(z.enum(alertTypes)).nullable().openapi({ description: 'Null for all types.' }),
  createdAt: time,
  lastDeliveredAt: timeOrNull,
  failingSince: timeOrNull.openapi({
    description: 'The time since which no attempt has succeeded.',
  }),
  disabledAt: timeOrNull,
  disabledReason: z
    .enum(['failing', 'gone', 'owner'])
    .nullable()
    .openapi({
      description:
        '`failing`: it failed for three days; `gone`: it responded with 410; `owner`: its owner ' +
        'disabled it.',
    }),
};

/** `proxy_webhook` as the API returns it. */
export const webhook = ofRow('Webhook', shown);

/** The same after creation or rotation, the only times that its secret is shown. */
export const webhookWithSecret = ofRow('WebhookWithSecret', {
  ...shown,
  secret: z
    .string()
    .regex(/^whsec_/)
    .nullable()
    .openapi({
      description:
        "Signs a generic webhook's requests. Shown only once; null for other kinds of webhook.",
    }),
});

const typesField = z
  .array(text.openapi({ enum: [...alertTypes] }))
  .nullable()
  .optional()
  .openapi({ description: argumentRules.types, minItems: 1, maxItems: 50 });
const optional = { label: labelField.nullable().optional(), types: typesField };
const url = text.openapi({ description: argumentRules.url, example: 'https://example.com/hook' });

const generic = z
  .strictObject({ kind: z.literal('webhook'), url, ...optional })
  .openapi('GenericWebhookRequest');
const chat = (kind: 'slack' | 'discord') =>
  z.strictObject({ kind: z.literal(kind), url, ...optional });
const slack = chat('slack').openapi('SlackRequest');
const discord = chat('discord').openapi('DiscordRequest');
const pagerduty = z
  .strictObject({
    kind: z.literal('pagerduty'),
    routingKey: text.openapi({
      description: argumentRules.routing_key,
      example: '0123456789abcdef0123456789abcdef',
    }),
    ...optional,
  })
  .openapi('PagerdutyRequest');
const email = z.strictObject({ kind: z.literal('email'), ...optional }).openapi('EmailRequest');

/** The body that creates a user's webhook. */
export const createBody = z.discriminatedUnion('kind', [generic, slack, discord, pagerduty, email]);

/** The body that creates an operator's webhook. It has no e-mail kind, which uses an account's address. */
export const createOperatorBody = z.discriminatedUnion('kind', [
  generic,
  slack,
  discord,
  pagerduty,
]);

/** The body of an update. */
export const updateWebhookBody = z
  .strictObject({ ...optional, disabled: z.boolean().optional() })
  .openapi('UpdateWebhookRequest');

const attempt = ofRow('DeliveryAttempt', {
  number: z.int().positive(),
  startedAt: time,
  durationMs: count,
  outcome: z.string().openapi({ description: '`delivered`, or why the attempt failed.' }),
  status: z
    .int()
    .nullable()
    .openapi({ description: "The response's status; null without a response." }),
  answer: z.string().nullable().openapi({ description: 'The first 500 bytes of the response.' }),
});

const deliveryRow = ofRow('Delivery', {
  id: z.uuid(),
  alertId: z.uuid().openapi({ description: 'The receiver gets it as `webhook-id`.' }),
  type: z.enum(alertTypes),
  occurredAt: time,
  state: z.enum(['pending', 'delivered', 'failed']),
  attempts: count.openapi({ description: 'How many attempts were made.' }),
  nextAttemptAt: timeOrNull,
  attemptLog: z
    .array(attempt.answer)
    .openapi({ description: 'The last 20 attempts, oldest first.' }),
});

/** `proxy_webhook_delivery` as the API returns it. */
export const delivery = {
  answer: deliveryRow.answer,
  read(row: unknown) {
    const { attempt_log: log } = row as { attempt_log: unknown[] };
    return { ...deliveryRow.read(row), attemptLog: log.map(attempt.read) };
  },
};
