import { once } from 'node:events';
import postgres from 'postgres';
import { newEventId } from '../../gateway/usage/usage-event.ts';
import { withConnection } from '../stack/database.ts';
import { forgetUsage } from '../stack/forget-usage.ts';
import type { Side } from './interleave.ts';
import { compare, type Measuring } from './measuring.ts';
import type { BenchUser } from './scene.ts';

const keyCounts = [10, 10_000, 1_000_000];
const batchSizes = [100, 1_000, 10_000];
const connectionCounts = [1, 4, 8];
/** Or more, if every connection has one batch. */
const eventsPerRound = 20_000;

/** The same events in the format of each side. */
interface Batch {
  size: number;
  json: string;
  /** In COPY's text format. */
  lines: string;
}

type Send = (client: postgres.Sql, batch: Batch) => Promise<unknown>;

/**
 * Compares record_usage to COPY of the same events into the same table with its indexes and foreign
 * key: batches of one size, each with its own commit, over several connections and numbers of keys.
 * Durations are per 1,000 events. All usage is deleted before a round, so that both sides find the
 * same table, and record_usage creates all rollups.
 */
export async function measureMetering(measuring: Measuring): Promise<void> {
  const { scene, sql, stack, size, tell } = measuring;
  const owners = await scene.newUsers(100);
  // as many keys as the events of a quick run cover
  const covered = (count: number) => count <= size.events;
  for (const keyCount of keyCounts.filter(covered)) {
    await seedKeys(stack.dbUrl, owners, keyCount);
    tell(`metering: ${keyCount} keys created`);
    for (const batchSize of batchSizes.filter(covered)) {
      for (const connections of connectionCounts) {
        await measureCell(measuring, keyCount, batchSize, connections);
      }
    }
  }
  await forgetUsage(sql);
}

async function measureCell(
  measuring: Measuring,
  keyCount: number,
  batchSize: number,
  connections: number,
): Promise<void> {
  const { sql, stack, size } = measuring;
  const events = Math.min(eventsPerRound, size.events);
  const batches = connections * Math.ceil(events / connections / batchSize);
  const keys = await pickKeys(sql, batches * batchSize);
  const sent = Array.from({ length: batches }, (_, index) =>
    newBatch(keys.slice(index * batchSize, (index + 1) * batchSize)),
  );
  const clients = (url: string) =>
    Array.from({ length: connections }, () => postgres(url, { max: 1, onnotice: () => {} }));
  const [gateways, owners] = [clients(stack.gatewayDbUrl), clients(stack.dbUrl)];
  try {
    await compare(
      measuring,
      {
        group: 'metering',
        name: `${batchSize} of ${keyCount} keys`,
        connections,
        against: 'copy',
        aim: 2,
      },
      {
        candidate: sending(sql, gateways, sent, recordUsage),
        baseline: sending(sql, owners, sent, copyUsage),
      },
      1 / 8,
    );
  } finally {
    await Promise.all([...gateways, ...owners].map((client) => client.end({ timeout: 1 })));
  }
}

/** Each connection sends its next batch as soon as its last is committed. */
function sending(sql: postgres.Sql, clients: postgres.Sql[], batches: Batch[], send: Send): Side {
  const nothing = { size: 0, json: '[]', lines: '' };
  return {
    prepare: async () => {
      await forgetUsage(sql);
      // truncation invalidates plans and caches, which is not part of metering
      await Promise.all(clients.map((client) => send(client, nothing)));
    },
    round: async () => {
      const waiting = batches.values();
      const startedAt = performance.now();
      await Promise.all(
        clients.map(async (client) => {
          for (const batch of waiting) await send(client, batch);
        }),
      );
      const events = batches.reduce((sum, { size }) => sum + size, 0);
      return [((performance.now() - startedAt) / events) * 1_000];
    },
  };
}

async function recordUsage(client: postgres.Sql, { size, json }: Batch): Promise<void> {
  const [row] = await client<{ recorded: number }[]>`
    select recorded from gateway.record_usage(${json}::text::jsonb)`;
  // the measurement would be meaningless
  if (row?.recorded !== size) throw new Error(`recorded ${row?.recorded} of ${size} events`);
}

async function copyUsage(client: postgres.Sql, { lines }: Batch): Promise<void> {
  const copy = await client`
    copy proxy_private.proxy_usage_events (
      event_id, api_key_id, occurred_at, target_host, method, status_code, bytes_sent,
      bytes_received, duration_ms, served_by_node_id
    ) from stdin`.writable();
  copy.end(lines);
  await once(copy, 'finish');
}

/** Creates missing keys up to `count`, without secrets, which usage does not need. */
async function seedKeys(dbUrl: string, owners: BenchUser[], count: number): Promise<void> {
  await withConnection('supabase_admin', Number(new URL(dbUrl).port), async (sql) => {
    await sql.begin(async (transaction) => {
      // a million audit rows and foreign key checks would take another minute
      await transaction`set local session_replication_role = replica`;
      await transaction`
        insert into proxy_private.proxy_keys (id, key_id, user_id, label, tier, live_mode)
        select
          gen_random_uuid(), 'avp_live_' || lpad(to_hex(n), 12, '0'), owner_id, 'bench',
          'developer', true
        from generate_series(
          1 + (select count(*) from proxy_private.proxy_keys where key_id < 'avp_live_0000001'),
          ${count}::integer
        ) as n
        join unnest(${owners.map(({ id }) => id)}::uuid[]) with ordinality as o (owner_id, place)
          on place = 1 + n % ${owners.length}`;
    });
    await sql`vacuum analyze proxy_private.proxy_keys`;
  });
}

/** Picks a random seeded key for each of `events`. */
async function pickKeys(sql: postgres.Sql, events: number): Promise<string[]> {
  const keys = await sql<{ id: string }[]>`
    select id from proxy_private.proxy_keys
    where key_id < 'avp_live_0000001'
    order by random() limit ${events}`;
  return Array.from({ length: Math.ceil(events / keys.length) }, () => keys.map(({ id }) => id))
    .flat()
    .slice(0, events);
}

function newBatch(keys: string[]): Batch {
  const events = keys.map((apiKeyId) => ({
    eventId: newEventId(),
    apiKeyId,
    occurredAt: new Date().toISOString(),
    targetHost: 'www.example.com',
    method: 'CONNECT',
    statusCode: 200,
    bytesSent: 1_000 + Math.floor(Math.random() * 10_000),
    bytesReceived: 50_000 + Math.floor(Math.random() * 100_000),
    durationMs: 250,
    servedByNodeId: 'bench',
  }));
  const lines = events.map((event) => Object.values(event).join('\t'));
  return {
    size: keys.length,
    json: JSON.stringify(events),
    lines: lines.map((line) => `${line}\n`).join(''),
  };
}
