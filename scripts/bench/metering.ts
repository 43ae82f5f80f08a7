import { once } from 'node:events';
import postgres from 'postgres';
import { newEventId } from '../../gateway/usage-event.ts';
import { withConnection } from '../stack/database.ts';
import type { Side } from './interleave.ts';
import { compare, type Measuring } from './measuring.ts';
import type { BenchUser } from './scene.ts';

const keyCounts = [10, 10_000, 1_000_000];
const batchSizes = [100, 1_000, 10_000];
const connectionCounts = [1, 4, 8];
const rowsPerRound = 20_000;
const owners = 1_000;

interface Key {
  id: string;
  userId: string;
}

/** The same events as both sides take them. */
interface Batch {
  /** For record_usage. */
  json: string;
  /** For COPY, in its text format. */
  lines: string;
}

/**
 * record_usage against COPY of the same events into the same table, with its indexes and foreign
 * key: batches of one size, each a transaction, over some connections, for events of some number
 * of keys. Durations are per 1,000 events. All usage is emptied before each round.
 */
export async function measureMetering(measuring: Measuring): Promise<void> {
  const { scene, sql, stack, size, tell } = measuring;
  // what a quick run's number of events covers
  const covered = (count: number) => count <= size.events;
  const users = await scene.newUsers(Math.min(owners, size.events));
  const rounds = Math.ceil(size.rounds / 8);
  const few = { ...measuring, size: { ...size, rounds, warmUpRounds: 1 } };

  for (const keyCount of keyCounts.filter(covered)) {
    await seedKeys(stack.dbUrl, users, keyCount);
    tell(`metering: there are ${keyCount} keys`);
    for (const batchSize of batchSizes.filter(covered)) {
      for (const connections of connectionCounts) {
        const share = Math.min(rowsPerRound, size.events) / connections / batchSize;
        const batches = connections * Math.ceil(share);
        const keys = await pickKeys(sql, keyCount, batches * batchSize);
        const sent = Array.from({ length: batches }, (_, index) =>
          newBatch(keys.slice(index * batchSize, (index + 1) * batchSize)),
        );
        const open = (url: string) =>
          postgres(url, { max: connections, idle_timeout: 0, onnotice: () => {} });
        const gateway = open(stack.gatewayDbUrl);
        const owner = open(stack.dbUrl);
        try {
          await compare(
            few,
            {
              group: 'metering',
              name: `${batchSize} events, ${keyCount} keys`,
              connections,
              against: 'copy',
              aim: 2,
            },
            {
              candidate: side(sql, gateway, connections, sent, batchSize, recordUsage),
              baseline: side(sql, owner, connections, sent, batchSize, copy),
            },
          );
        } finally {
          await Promise.all([gateway.end({ timeout: 1 }), owner.end({ timeout: 1 })]);
        }
      }
    }
  }
}

/** Each connection sends its next batch as soon as its last is committed. */
function side(
  sql: postgres.Sql,
  connected: postgres.Sql,
  connections: number,
  batches: Batch[],
  batchSize: number,
  send: (sql: postgres.Sql, batch: Batch) => Promise<unknown>,
): Side {
  return {
    prepare: async () => {
      await sql`
        truncate
          public.proxy_usage_events, public.proxy_usage_hourly, public.proxy_usage_monthly`;
      await Promise.all(Array.from({ length: connections }, () => connected`select`));
    },
    round: async () => {
      const waiting = batches.values();
      const begun = performance.now();
      const client = async () => {
        for (const batch of waiting) await send(connected, batch);
      };
      await Promise.all(Array.from({ length: connections }, client));
      return [((performance.now() - begun) / (batches.length * batchSize)) * 1_000];
    },
  };
}

async function recordUsage(sql: postgres.Sql, { json }: Batch): Promise<void> {
  await sql`select * from gateway.record_usage(${json}::text::jsonb)`;
}

async function copy(sql: postgres.Sql, { lines }: Batch): Promise<void> {
  const stream = await sql`copy public.proxy_usage_events (
    event_id, api_key_id, user_id, occurred_at, target_host, method, status_code, bytes_sent,
    bytes_received, duration_ms, served_by_node_id, tunnel_id, slice
  ) from stdin`.writable();
  stream.end(lines);
  await once(stream, 'finish');
}

/** Makes those of the first `count` keys that are missing; usage needs no secrets. */
async function seedKeys(dbUrl: string, users: BenchUser[], count: number): Promise<void> {
  // a million would take minutes of audit and of foreign keys, which a superuser may leave out
  await withConnection('supabase_admin', Number(new URL(dbUrl).port), async (sql) => {
    const owners = users.map(({ id }) => id);
    await sql.begin(async (transaction) => {
      await transaction`set local session_replication_role = replica`;
      await transaction`
        insert into public.proxy_keys (id, key_id, user_id, label, tier, live_mode)
        select
          gen_random_uuid(), 'avp_live_' || lpad(to_hex(n), 12, '0'), owner_id, 'bench',
          'developer', true
        from generate_series(1, ${count}::integer) as n
        join unnest(${owners}::uuid[]) with ordinality as o (owner_id, place)
          on place = 1 + n % ${owners.length}
        order by n
        on conflict (key_id) do nothing`;
    });
    await sql`vacuum analyze public.proxy_keys`;
  });
}

/** Some of the first `keyCount` keys, at random. */
async function pickKeys(sql: postgres.Sql, keyCount: number, picks: number): Promise<Key[]> {
  const keys = await sql<Key[]>`
    select id, user_id as "userId" from public.proxy_keys
    where key_id between 'avp_live_000000000001' and 'avp_live_' || lpad(to_hex(${keyCount}::integer), 12, '0')
    order by random() limit ${picks}`;
  return Array.from({ length: picks }, (_, index) => keys[index % keys.length] as Key);
}

function newBatch(keys: Key[]): Batch {
  const events = keys.map((key) => ({
    eventId: newEventId(),
    apiKeyId: key.id,
    occurredAt: new Date().toISOString(),
    targetHost: 'www.example.com',
    method: 'CONNECT',
    statusCode: 200,
    bytesSent: 1_000 + Math.floor(Math.random() * 10_000),
    bytesReceived: 50_000 + Math.floor(Math.random() * 1_000_000),
    durationMs: 250,
    servedByNodeId: 'bench',
    tunnelId: newEventId(),
    slice: 0,
  }));
  return {
    json: JSON.stringify(events),
    lines: events
      .map(
        ({ eventId, apiKeyId, ...rest }, index) =>
          `${[eventId, apiKeyId, keys[index]?.userId, ...Object.values(rest)].join('\t')}\n`,
      )
      .join(''),
  };
}
