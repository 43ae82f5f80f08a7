import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { alertData, nameOfType } from './alert-data.ts';
import { type AlertType, alertTypes } from './alert-types.ts';
import type { ServiceEnv } from './service.ts';

/** The operator's webhooks get the user's id, but no text that the user wrote. */
const ofOperator = {
  userId: z
    .uuid()
    .optional()
    .openapi({ description: "The user. Sent only to the operator's webhooks." }),
};

function payloadOf(type: AlertType): z.ZodObject {
  const { label, ...data } = alertData[type];
  return z
    .strictObject({
      type: z.literal(type),
      timestamp: z.iso.datetime().openapi({ description: 'When the alert was raised.' }),
      data: z.strictObject({
        ...data,
        ...(label
          ? {
              label: z
                .string()
                .optional()
                .openapi({ description: "Not sent to the operator's webhooks." }),
            }
          : {}),
        ...ofOperator,
      }),
    })
    .openapi(`${nameOfType(type)}Payload`);
}

const headers = z.object({
  'webhook-id': z.uuid().openapi({
    description: "The alert's id, the same on each attempt and resend.",
  }),
  'webhook-timestamp': z.string().regex(/^\d+$/).openapi({
    description:
      'When this attempt was signed, in seconds since 1970. Reject requests with an old timestamp.',
  }),
  'webhook-signature': z.string().openapi({
    description:
      '`v1,` followed by the base64 of HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`. ' +
      'The HMAC key is the part of the secret after `whsec_`, base64-decoded.',
  }),
});

/** Adds the request that generic webhooks receive to the description, for each type of alert. */
export function describeWebhooks(app: OpenAPIHono<ServiceEnv>): void {
  const payloads = alertTypes.map(payloadOf) as [z.ZodObject, ...z.ZodObject[]];
  app.openAPIRegistry.registerWebhook({
    method: 'post',
    path: 'alert',
    operationId: 'receiveAlert',
    summary: 'Receive an alert with a generic webhook',
    description:
      'Follows the Standard Webhooks specification (https://www.standardwebhooks.com), whose libraries ' +
      'verify signatures. The same alert may arrive twice, with the same `webhook-id`. Without a ' +
      'response of 200 to 299 within 10 s, it is retried up to ten times within 24 hours.',
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
      '2XX': { description: 'Accepted.' },
      410: { description: 'Permanently gone: the webhook is disabled.' },
    },
  });
}
