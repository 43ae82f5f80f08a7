import type { BothWays, Caller, Fields } from './calls.ts';
import { bothWays, type Operation } from './calls.ts';
import { idleWebhook } from './webhook-scenes.ts';

/** All calls on webhooks over HTTP and by RPC, of a user or, as an admin, of the operator. */
function callsOfWebhooks(base: string, operator: boolean) {
  const more = operator ? { operator } : {};
  const arrange = (fields: Fields) => ({ ...fields, ...more });
  const ask = (operation: Operation) => (by: Caller, id: string, fields?: Fields) =>
    bothWays({ arrange, ...operation }, by, id, fields);
  const one = `${base}/:id`;
  return {
    list: (by: Caller) =>
      bothWays({ method: 'GET', path: base, rpc: 'list_proxy_webhooks', arrange }, by),
    create: (by: Caller, fields?: Fields) =>
      bothWays(
        { method: 'POST', path: base, rpc: 'create_proxy_webhook', arrange },
        by,
        undefined,
        fields,
      ),
    update: ask({
      method: 'PATCH',
      path: one,
      rpc: 'update_proxy_webhook',
      arrange: (changes) => ({ changes, ...more }),
    }),
    delete: ask({ method: 'DELETE', path: one, rpc: 'delete_proxy_webhook' }),
    rotate: ask({ method: 'POST', path: `${one}/rotate`, rpc: 'rotate_proxy_webhook' }),
    test: ask({ method: 'POST', path: `${one}/test`, rpc: 'test_proxy_webhook' }),
    deliveries: ask({
      method: 'GET',
      path: `${one}/deliveries`,
      rpc: 'list_proxy_deliveries',
      idArgument: 'webhook_id',
    }),
    resend: (by: Caller, webhook: string, delivery: string): BothWays =>
      bothWays(
        {
          method: 'POST',
          path: `${base}/${encodeURIComponent(webhook)}/deliveries/:id/resend`,
          rpc: 'resend_proxy_delivery',
          arrange: () => ({ webhook_id: webhook, ...more }),
        },
        by,
        delivery,
      ),
  };
}

export const ownWebhooks = callsOfWebhooks('/api/v1/proxy/webhooks', false);
export const operatorWebhooks = callsOfWebhooks('/admin/proxy/webhooks', true);

const changes = { disabled: true };

/** Every call that needs a user, on the webhook `id` if it needs one. */
export const everyCallOfWebhooks: Record<string, (by: Caller, id: string) => BothWays> =
  Object.fromEntries(
    Object.entries({ ownWebhooks, operatorWebhooks }).flatMap(([name, calls]) => [
      [`${name}.list`, (by: Caller) => calls.list(by)],
      [`${name}.create`, (by: Caller) => calls.create(by, idleWebhook)],
      [`${name}.update`, (by: Caller, id: string) => calls.update(by, id, changes)],
      [`${name}.delete`, (by: Caller, id: string) => calls.delete(by, id)],
      [`${name}.rotate`, (by: Caller, id: string) => calls.rotate(by, id)],
      [`${name}.test`, (by: Caller, id: string) => calls.test(by, id)],
      [`${name}.deliveries`, (by: Caller, id: string) => calls.deliveries(by, id)],
      [`${name}.resend`, (by: Caller, id: string) => calls.resend(by, id, id)],
    ]),
  );
