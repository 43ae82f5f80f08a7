import type postgres from 'postgres';
import type { BenchUser } from '../scene.ts';
import type { BusyWebhook } from './worst-alert-requests.ts';

/**
 * Creates 200 alerts of `user`, with deliveries that failed after eleven attempts, to one of the user's webhooks
 * and one of the operator's.
 */
export async function furnishWebhooks(
  sql: postgres.Sql,
  user: BenchUser,
): Promise<{ own: BusyWebhook; operator: BusyWebhook }> {
  const newWebhook = async (owner: string | null): Promise<string> => {
    const [row] = await sql<{ id: string }[]>`
      insert into proxy_private.proxy_webhooks (user_id, kind, address)
      values (${owner}, 'webhook', 'https://example.com') returning id`;
    const id = row?.id ?? '';
    await sql`
      select proxy_private.keep_webhook_secret(${id}, '{"url": "https://10.0.0.1/", "key": "c2VjcmV0"}')`;
    return id;
  };
  const [own, operator] = [await newWebhook(user.id), await newWebhook(null)];
  await sql`
    select proxy_private.raise_alerts(array(
      select (${user.id}::uuid, null, 'tier.granted', 'bench ' || n, null, '{"tier": "team"}')::proxy_private.new_alert
      from generate_series(1, 200) as n
    ))`;
  await sql`
    update proxy_private.proxy_deliveries set state = 'failed', next_attempt_at = null, attempts = 11
    where webhook_id in (${own}, ${operator})`;
  await sql`
    insert into proxy_private.proxy_delivery_attempts (delivery_id, number, started_at, duration_ms, outcome, status, answer)
    select d.id, n, now(), 10, 'refused_status', 500, repeat('w', 500)
    from proxy_private.proxy_deliveries as d, generate_series(1, 11) as n
    where d.webhook_id in (${own}, ${operator})
    on conflict do nothing`;
  const busy = async (webhook: string): Promise<BusyWebhook> => {
    const [row] = await sql<{ id: string }[]>`
      select id from proxy_private.proxy_deliveries where webhook_id = ${webhook} limit 1`;
    return { webhook, delivery: row?.id ?? '' };
  };
  return { own: await busy(own), operator: await busy(operator) };
}
