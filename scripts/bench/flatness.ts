import { type Side, timeEach } from './interleave.ts';
import { compare, type Measuring } from './measuring.ts';
import { measurePaging } from './paging.ts';
import type { BenchUser } from './scene.ts';
import { actAs, connectAsUser } from './user-connection.ts';

const keysEach = 10;

const reads = ['list_proxy_keys', 'proxy_usage_summary'];

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

  const sql = await connectAsUser(stack.dbUrl);
  const side = (user: BenchUser, rpc: string): Side => ({
    prepare: () => actAs(sql, user),
    round: () => timeEach(size.statements, () => sql`select * from ${sql(`public.${rpc}`)}()`),
  });
  try {
    for (const rpc of reads) {
      await compare(
        measuring,
        { group: 'flat', name: rpc, against: 'no events', aim: 1.1 },
        { candidate: side(busy, rpc), baseline: side(idle, rpc) },
      );
    }
  } finally {
    await sql.end({ timeout: 1 });
  }
  await measurePaging(measuring, busy, keys);
}
