import { createServer, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { listenOnLoopback, loopback } from '../stack/ports.ts';
import { addFigure, type Measuring } from './measuring.ts';
import { quantile } from './statistics.ts';

/** The kinds of receivers, and how many of each. */
const healthy = 20;
const others = { hanging: 10, failing: 10, slow: 10 };
const slowMs = 3_000;

/**
 * Measures how long after an alert is raised a healthy receiver gets it: alone, and beside receivers that hang,
 * fail or are slow.
 */
export async function measureDelivery(measuring: Measuring): Promise<void> {
  const alone = await deliver(measuring, {});
  const beside = await deliver(measuring, others);
  for (const [name, latencies] of Object.entries({ alone, 'beside 30 others': beside })) {
    const sorted = latencies.toSorted((a, b) => a - b);
    addFigure(measuring, {
      group: 'delivery',
      name: `${healthy} healthy receivers, ${name}`,
      unit: 'ms',
      values: { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), most: sorted.at(-1) ?? 0 },
    });
  }
}

/** Raises alerts at an even pace; resolves to the delay of each at the healthy receivers, in ms. */
async function deliver(
  { sql, scene, size, signal, tell }: Measuring,
  neighbours: Partial<typeof others>,
): Promise<number[]> {
  const latencies: number[] = [];
  await using undo = new AsyncDisposableStack();
  const answers: Record<string, (response: ServerResponse, body: string) => void> = {
    healthy(response, body) {
      const { timestamp } = JSON.parse(body) as { timestamp: string };
      latencies.push(Date.now() - Date.parse(timestamp));
      response.end();
    },
    hanging: () => {},
    failing: (response) => response.writeHead(500).end(),
    slow: (response) => setTimeout(() => response.end(), slowMs),
  };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    answers[request.url?.slice(1) ?? '']?.(response, body);
  });
  const origin = `http://${loopback}:${await listenOnLoopback(server, 0, 'receivers')}`;
  undo.defer(() => {
    server.closeAllConnections();
    server.close();
  });

  const kinds = Object.entries({ healthy, ...neighbours });
  const owners = await scene.newUsers(kinds.reduce((sum, [, count]) => sum + count, 0));
  const ids = owners.map(({ id }) => id);
  const paths = kinds.flatMap(([kind, count]) => Array.from({ length: count }, () => kind));
  await sql`
    with made as (
      insert into proxy_private.proxy_webhooks (user_id, kind, address)
      select u.id, 'webhook', u.path
      from unnest(${ids}::uuid[], ${paths}::text[]) as u (id, path)
      returning *
    )
    select proxy_private.keep_webhook_secret(
      m.id,
      jsonb_build_object('url', ${origin}::text || '/' || m.address, 'key', encode(sha256(m.id::text::bytea), 'base64'))
    )
    from made as m`;
  undo.defer(async () => {
    await sql`delete from proxy_private.proxy_webhooks where user_id = any(${ids})`;
  });

  const rounds = size.alerts;
  for (let round = 0; round < rounds; round += 1) {
    signal.throwIfAborted();
    await sql`
      select proxy_private.raise_alerts(array(
        select (u, null, 'webhook.test', ${`bench ${round}`}, null, '{}')::proxy_private.new_alert
        from unnest(${ids}::uuid[]) as u
      ))`;
    await sleep(size.alertPauseMs, undefined, { signal });
  }
  while (latencies.length < healthy * rounds) {
    tell(`delivery: ${latencies.length} of ${healthy * rounds}`);
    await sleep(1_000, undefined, { signal });
  }
  return latencies;
}
