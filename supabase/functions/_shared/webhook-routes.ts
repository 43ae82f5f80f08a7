import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { declarePath } from './declare-path.ts';
import { declareDeliveries } from './delivery-routes.ts';
import { toArguments } from './field-names.ts';
import { operation } from './operation.ts';
import type { ProblemCode } from './problem.ts';
import { type Dependencies, type ServiceEnv, uuidOf } from './service.ts';
import {
  createBody,
  createOperatorBody,
  updateWebhookBody,
  webhook,
  webhookWithSecret,
} from './webhook-schemas.ts';

/** Whose webhooks routes are about. */
export interface WebhookRoutes {
  base: '/api/v1/proxy/webhooks' | '/admin/proxy/webhooks';
  /** Whether they are the operator's, which get all users' alerts, and admins' to set. */
  operator: boolean;
  tag: 'Alerts' | 'Admin';
  /** What stands before the noun in the name of an operation. */
  prefix: '' | 'Operator';
  /** What everybody can be refused for here. */
  problems: ProblemCode[];
}

/** A user's own webhooks. */
export const ownWebhooks: WebhookRoutes = {
  base: '/api/v1/proxy/webhooks',
  operator: false,
  tag: 'Alerts',
  prefix: '',
  problems: [],
};

/** The operator's, for admins. */
export const operatorWebhooks: WebhookRoutes = {
  base: '/admin/proxy/webhooks',
  operator: true,
  tag: 'Admin',
  prefix: 'Operator',
  problems: ['forbidden', 'second_factor_required'],
};

const shown = { 'application/json': z.strictObject({ webhook: webhook.answer }) };
const shownWithSecret = {
  'application/json': z.strictObject({ webhook: webhookWithSecret.answer }),
};

/** `…/webhooks`: where alerts are sent. */
export function declareWebhooks(
  app: OpenAPIHono<ServiceEnv>,
  dependencies: Dependencies,
  routes: WebhookRoutes,
): void {
  const { callDatabase } = dependencies;
  const { base, operator, tag, prefix, problems } = routes;
  const whose = operator ? "The operator's: for all users' alerts" : 'Where your alerts are sent';
  declarePath(app, dependencies, base, {
    get: operation({
      operationId: `list${prefix}Webhooks`,
      summary: whose,
      description: 'Oldest first.',
      tag,
      success: {
        status: 200,
        description: 'The webhooks, at most ten. Never a secret.',
        content: { 'application/json': z.array(webhook.answer) },
      },
      problems,
      handle: async ({ context, caller }) => {
        const rows = await callDatabase(caller, 'list_proxy_webhooks', { operator });
        return context.json(rows.map(webhook.read));
      },
    }),
    post: operation({
      operationId: `create${prefix}Webhook`,
      summary: operator ? "Send all users' alerts somewhere" : 'Send your alerts somewhere',
      description:
        'A generic webhook gets what `webhooks` of this description says; the answer is the one ' +
        'place where the secret that signs is ever shown.',
      tag,
      body: operator ? createOperatorBody : createBody,
      success: {
        status: 201,
        description: 'The webhook, a generic one with its secret.',
        content: shownWithSecret,
      },
      problems: [
        ...problems,
        'webhook_limit_reached',
        ...(operator ? [] : (['email_not_confirmed'] as const)),
      ],
      handle: async ({ context, caller, body }) => {
        const row = await callDatabase(caller, 'create_proxy_webhook', {
          kind: body.kind,
          ...toArguments({ ...body, operator }),
        });
        return context.json({ webhook: webhookWithSecret.read(row) }, 201);
      },
    }),
  });

  declarePath(app, dependencies, `${base}/{id}`, {
    patch: operation({
      operationId: `update${prefix}Webhook`,
      summary: "Change a webhook's label or types, disable or enable it",
      description:
        'What the body leaves out stays. What a disabled webhook missed is not sent when it is enabled.',
      tag,
      body: updateWebhookBody,
      success: { status: 200, description: 'The webhook as it is now.', content: shown },
      problems,
      handle: async ({ context, caller, body }) => {
        const row = await callDatabase(caller, 'update_proxy_webhook', {
          id: uuidOf(context, 'id'),
          changes: toArguments(body) as Record<string, string>,
          operator,
        });
        return context.json({ webhook: webhook.read(row) });
      },
    }),
    delete: operation({
      operationId: `delete${prefix}Webhook`,
      summary: 'Remove a webhook',
      description: 'With its secret and its deliveries.',
      tag,
      success: { status: 204, description: 'Removed.' },
      problems,
      handle: async ({ context, caller }) => {
        await callDatabase(caller, 'delete_proxy_webhook', { id: uuidOf(context, 'id'), operator });
        return context.body(null, 204);
      },
    }),
  });

  declarePath(app, dependencies, `${base}/{id}/rotate`, {
    post: operation({
      operationId: `rotate${prefix}Webhook`,
      summary: 'A new secret for a generic webhook',
      description: 'Requests are signed with it from now on, and not with the one before.',
      tag,
      success: {
        status: 200,
        description: 'The webhook, with its new secret.',
        content: shownWithSecret,
      },
      problems,
      handle: async ({ context, caller }) => {
        const id = uuidOf(context, 'id');
        const row = await callDatabase(caller, 'rotate_proxy_webhook', { id, operator });
        return context.json({ webhook: webhookWithSecret.read(row) });
      },
    }),
  });
  declareDeliveries(app, dependencies, routes);
}
