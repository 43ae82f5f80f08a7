import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { alertData, nameOfType } from './alert-data.ts';
import { type AlertType, alertTypes } from './alert-types.ts';
import type { ServiceEnv } from './service.ts';

/** The operator's webhooks get the user, and no text of the user's. */
const ofOperator = {
  userId: z.uuid().optional().openapi({ description: "Whose alert: to the operator's alone." }),
};

function payloadOf(type: AlertType): z.ZodObject {
  const { label, ...data } = alertData[type];
  return z
    .strictObject({
      type: z.literal(type),
      timestamp: z.iso.datetime().openapi({ description: 'When it occurred.' }),
      data: z.strictObject({
        ...data,
        ...(label
          ? { label: z.string().optional().openapi({ description: "Not to the operator's." }) }
          : {}),
        ...ofOperator,
      }),
    })
    .openapi(`${nameOfType(type)}Payload`);
}

const headers = z.object({
  'webhook-id': z.uuid().openapi({
    description: 'Of the alert: the same on each attempt, and when it is sent again.',
  }),
  'webhook-timestamp': z.string().regex(/^\d+$/).openapi({
    description: 'When this attempt was signed, in seconds since 1970. Refuse one that is old.',
  }),
  'webhook-signature': z.string().openapi({
    description:
      '`v1,` and the base64 of HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`, with ' +
      'the bytes that the secret has in base64 after `whsec_`.',
  }),
});

/** Adds what generic webhooks receive to the description: one request of a type of alert. */
export function describeWebhooks(app: OpenAPIHono<ServiceEnv>): void {
  const payloads = alertTypes.map(payloadOf) as [z.ZodObject, ...z.ZodObject[]];
  app.openAPIRegistry.registerWebhook({
    method: 'post',
    path: 'alert',
    operationId: 'receiveAlert',
    summary: 'An alert, as a generic webhook receives it',
    description:
      'By the specification of Standard Webhooks (https://www.standardwebhooks.com), whose libraries ' +
      'check signatures. The same alert may come twice, by the same `webhook-id`. Without an answer of ' +
      '200 to 299 within 10 s it is attempted again, ten times within 24 hours.',
    tags: ['Alerts'],
    security: [],
    request: {
      headers,
      body: {
        required: true,
        content: { 'application/json': { schema: z.discriminatedUnion('type', payloads) } },
      },
    },
    responses: {
      '2XX': { description: 'Taken.' },
      410: { description: 'Gone for good: the webhook is disabled.' },
    },
  });
}
