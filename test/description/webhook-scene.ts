import { randomUUID } from 'node:crypto';
import type { Sql } from 'postgres';

/** Webhooks for which any request can be made: the owner's and the operator's. */
export interface WebhookScene {
  /** Part of the address or key of every webhook that a request creates. */
  token: string;
  /** The values of `{id}` and `{deliveryId}` in a path of webhooks. */
  idsOf(path: string): { webhook: string; delivery: string };
  /** Restores these webhooks, and deletes all others of these users or with the token. */
  reset(): Promise<void>;
  end(): Promise<void>;
}

/** Inserts two webhooks, each with a delivery; `users` may create others. */
export function setWebhookScene(sql: Sql, ownerId: string, users: string[]): WebhookScene {
  const token = randomUUID().replaceAll('-', '');
  const own = { webhook: randomUUID(), alert: randomUUID(), delivery: randomUUID() };
  const operators = { webhook: randomUUID(), alert: randomUUID(), delivery: randomUUID() };

  async function put(ids: typeof own, userId: string | null): Promise<void> {
    const { webhook, alert, delivery } = ids;
    const secret = { url: `http://127.0.0.1:9/${token}`, key: 'AAAA' };
    await sql.begin(async (transaction) => {
      await transaction`
        insert into proxy_private.proxy_webhooks (id, user_id, kind, address, types)
        values (${webhook}, ${userId}, 'webhook', ${secret.url}, '{webhook.test}')
        on conflict (id) do update
        set disabled_at = null, disabled_reason = null, types = excluded.types`;
      await transaction`select proxy_private.keep_webhook_secret(${webhook}, ${transaction.json(secret)})`;
      await transaction`
        insert into proxy_private.proxy_alerts (id, user_id, type, cause, data)
        values (${alert}, ${ownerId}, 'webhook.test', ${`test:${alert}`},
          ${transaction.json({ webhookId: webhook, kind: 'webhook' })})
        on conflict do nothing`;
      await transaction`
        insert into proxy_private.proxy_deliveries (id, webhook_id, alert_id, state, next_attempt_at)
        values (${delivery}, ${webhook}, ${alert}, 'delivered', null)
        on conflict do nothing`;
    });
  }

  const remove = (kept: string[]) => sql`
    delete from proxy_private.proxy_webhooks as w
    where w.id <> all(${kept}::uuid[]) and (
      w.user_id = any(${users}::uuid[])
      or exists (
        select from proxy_private.proxy_webhook_secrets as s
        where s.webhook_id = w.id and s.secret::text like ${`%${token}%`}
      )
    )`;

  return {
    token,
    idsOf: (path) => (path.startsWith('/admin/') ? operators : own),
    async reset() {
      await remove([own.webhook, operators.webhook]);
      await put(own, ownerId);
      await put(operators, null);
    },
    async end() {
      await remove([]);
    },
  };
}
