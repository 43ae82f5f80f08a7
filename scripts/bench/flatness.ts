import type postgres from 'postgres';
import { type ClosedLoop, openClosedLoop } from './closed-loop.ts';
import { type Side, timeEach } from './interleave.ts';
import { compare, type Measuring } from './measuring.ts';
import { measurePaging } from './paging.ts';
import type { BenchUser } from './scene.ts';
import { actAs, connectAsUser } from './user-connection.ts';

const keysEach = 10;

const reads = [
  { name: 'list', path: '/api/v1/proxy/keys', rpc: 'list_proxy_keys' },
  { name: 'usage', path: '/api/v1/proxy/usage', rpc: 'proxy_usage_summary' },
];

/** Reads of a user with many usage events against those of one with none and as many keys. */
export async function measureFlatness(measuring: Measuring): Promise<void> {
  const { scene, stack, size } = measuring;
  const [busy, idle] = await scene.newUsers(2);
  if (!busy || !idle) throw new Error('two users were asked for');
  const keys = await scene.newKeys(Array<BenchUser>(keysEach).fill(busy));
  await scene.newKeys(Array<BenchUser>(keysEach).fill(idle));
  await scene.newUsage(keys, { events: size.events, days: 60 });
  // what autovacuum would do in the middle of a measurement
  for (const table of ['events', 'hourly', 'monthly']) {
    await measuring.sql.unsafe(`vacuum analyze private.proxy_usage_${table}`);
  }

  const loop = openClosedLoop(stack.url, 1);
  const sql = await connectAsUser(stack.dbUrl);
  const title = { group: 'flat', against: 'no events', aim: 1.1 };
  try {
    for (const { name, path, rpc } of reads) {
      await compare(
        measuring,
        { ...title, name, connections: 1 },
        {
          candidate: overHttp(loop, busy, path, size.requests),
          baseline: overHttp(loop, idle, path, size.requests),
        },
      );
      await compare(
        measuring,
        { ...title, name: rpc },
        {
          candidate: inSql(sql, busy, rpc, size.statements),
          baseline: inSql(sql, idle, rpc, size.statements),
        },
      );
    }
  } finally {
    await loop.close();
    await sql.end({ timeout: 1 });
  }
  await measurePaging(measuring, busy, keys);
}

function overHttp(loop: ClosedLoop, { token }: BenchUser, path: string, count: number): Side {
  const call = { method: 'GET', path, token, expect: 200 };
  return { round: () => loop.run(Array(count).fill(call)) };
}

function inSql(sql: postgres.Sql, user: BenchUser, rpc: string, count: number): Side {
  return {
    prepare: () => actAs(sql, user),
    round: () => timeEach(count, () => sql`select * from ${sql(`public.${rpc}`)}()`),
  };
}
