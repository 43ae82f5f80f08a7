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

/** One set of webhook routes: a user's own, or the operator's. */
export interface WebhookRoutes {
  base: '/api/v1/proxy/webhooks' | '/admin/proxy/webhooks';
  /** Whether they are the operator's webhooks, which admins manage and which get all users' alerts. */
  operator: boolean;
  tag: 'Alerts' | 'Admin';
  /** The prefix before the noun in an operation's id. */
  prefix: '' | 'Operator';
  /** Refusals that are common to these routes. */
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

/** The operator's webhooks, for admins. */
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

/** `…/webhooks`: the destinations of alerts. */
export function declareWebhooks(
  app: OpenAPIHono<ServiceEnv>,
  dependencies: Dependencies,
  routes: WebhookRoutes,
): void {
  const { callDatabase } = dependencies;
  const { base, operator, tag, prefix, problems } = routes;
  const listSummary = operator ? "List the operator's webhooks" : 'List your webhooks';
  declarePath(app, dependencies, base, {
    get: operation({
      operationId: `list${prefix}Webhooks`,
      summary: listSummary,
      description: operator
        ? "The operator's webhooks get all users' alerts. Oldest first."
        : 'Your webhooks get your alerts. Oldest first.',
      tag,
      success: {
        status: 200,
        description: 'The webhooks, at most ten, without their secrets.',
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
      summary: operator ? "Create a webhook for all users' alerts" : 'Create a webhook',
      description:
        'A generic webhook gets the requests described under `webhooks` in this document. Only this ' +
        'response shows its signing secret.',
      tag,
      body: operator ? createOperatorBody : createBody,
      success: {
        status: 201,
        description: 'The webhook, with its secret if it is a generic one.',
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
      summary: "Change a webhook's label or types, or disable or enable it",
      description:
        'Fields that the body omits are unchanged. Alerts that a disabled webhook missed are not sent ' +
        'when it is enabled.',
      tag,
      body: updateWebhookBody,
      success: { status: 200, description: 'The updated webhook.', content: shown },
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
      summary: 'Delete a webhook',
      description: 'Also deletes its secret and its deliveries.',
      tag,
      success: { status: 204, description: 'Deleted.' },
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
      summary: "Rotate a generic webhook's secret",
      description: 'From now on, requests are signed only with the new secret.',
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
