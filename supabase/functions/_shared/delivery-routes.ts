import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { declarePath } from './declare-path.ts';
import { toArguments } from './field-names.ts';
import { operation } from './operation.ts';
import { linkHeader, respondWithPage } from './paging.ts';
import { pageFields } from './request-fields.ts';
import { type Dependencies, type ServiceEnv, uuidOf } from './service.ts';
import type { WebhookRoutes } from './webhook-routes.ts';
import { delivery } from './webhook-schemas.ts';

const oneDelivery = { 'application/json': z.strictObject({ delivery: delivery.answer }) };

/** `…/webhooks/{id}/deliveries` and `…/test`: a webhook's deliveries and their attempts. */
export function declareDeliveries(
  app: OpenAPIHono<ServiceEnv>,
  dependencies: Dependencies,
  { base, operator, tag, prefix, problems }: WebhookRoutes,
): void {
  const { callDatabase } = dependencies;
  declarePath(app, dependencies, `${base}/{id}/test`, {
    post: operation({
      operationId: `test${prefix}Webhook`,
      summary: 'Send a test alert to a webhook',
      description:
        'Sends an alert of type `webhook.test` to this webhook only. List its deliveries to see the result.',
      tag,
      success: { status: 201, description: 'The pending delivery.', content: oneDelivery },
      problems: [...problems, 'webhook_disabled'],
      handle: async ({ context, caller }) => {
        const id = uuidOf(context, 'id');
        const row = await callDatabase(caller, 'test_proxy_webhook', { id, operator });
        return context.json({ delivery: delivery.read(row) }, 201);
      },
    }),
  });

  declarePath(app, dependencies, `${base}/{id}/deliveries`, {
    get: operation({
      operationId: `list${prefix}Deliveries`,
      summary: "List a webhook's deliveries",
      description: 'Newest alert first, in pages of `limit` (50 by default), with their attempts.',
      tag,
      query: pageFields,
      success: {
        status: 200,
        description: 'The deliveries.',
        content: { 'application/json': z.array(delivery.answer) },
        headers: linkHeader,
      },
      problems,
      handle: async ({ context, caller, query }) => {
        const page = await callDatabase(caller, 'list_proxy_deliveries', {
          webhook_id: uuidOf(context, 'id'),
          ...toArguments({ ...query, operator }),
        });
        return respondWithPage(context, page, delivery.read);
      },
    }),
  });

  declarePath(app, dependencies, `${base}/{id}/deliveries/{deliveryId}/resend`, {
    post: operation({
      operationId: `resend${prefix}Delivery`,
      summary: 'Resend a delivery',
      description:
        'Sends the same alert with the same id. A pending delivery is attempted now; after the ' +
        'eleventh attempt, each resend makes one more.',
      tag,
      success: { status: 200, description: 'The pending delivery.', content: oneDelivery },
      problems: [...problems, 'webhook_disabled'],
      handle: async ({ context, caller }) => {
        const row = await callDatabase(caller, 'resend_proxy_delivery', {
          id: uuidOf(context, 'deliveryId'),
          webhook_id: uuidOf(context, 'id'),
          operator,
        });
        return context.json({ delivery: delivery.read(row) });
      },
    }),
  });
}
