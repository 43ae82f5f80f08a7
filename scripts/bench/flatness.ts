import { type Side, timeEach } from './interleave.ts';
import { compare, type Measuring } from './measuring.ts';
import { measurePaging } from './paging.ts';
import type { BenchUser } from './scene.ts';
import { actAs, connectAsUser } from './user-connection.ts';

const keysEach = 10;

const reads = ['list_proxy_keys', 'proxy_usage_summary'];

/** Sums over all keys, which are stored by account or user. */
const sums = {
  proxy_account: '',
  proxy_usage_summary: '',
  proxy_usage_series: `"interval" => 'day'`,
  proxy_usage_targets: '',
  proxy_usage_outcomes: '',
};
const days = 30;

/**
 * Compares reads of a user with many usage events to those of a user with as many keys and no events, and sums
 * of a user with many busy keys, all but one deleted, to those of a user with one key that was as busy.
 */
export async function measureFlatness(measuring: Measuring): Promise<void> {
  const { scene, stack, size } = measuring;
  const [busy, idle, rich, plain] = await scene.newUsers(4);
  if (!busy || !idle || !rich || !plain) throw new Error('four users were not created');
  const keys = await scene.newKeys(Array<BenchUser>(keysEach).fill(busy));
  await scene.newKeys(Array<BenchUser>(keysEach).fill(idle));
  await scene.newUsage(keys, { events: size.events, days: 60 });
  await furnishAccounts(measuring, rich, plain);
  // so that autovacuum does not do it during a measurement
  for (const table of [
    'proxy_usage_events',
    'proxy_usage_hourly',
    'proxy_usage_monthly',
    'proxy_account_hourly',
    'proxy_account_monthly',
    'proxy_usage_targets',
    'proxy_usage_outcomes',
    'proxy_keys',
  ]) {
    await measuring.sql.unsafe(`vacuum analyze proxy_private.${table}`);
  }

  const sql = await connectAsUser(stack.dbUrl);
  const side = (user: BenchUser, call: string): Side => ({
    prepare: () => actAs(sql, user),
    round: () => timeEach(size.statements, () => sql.unsafe(`select * from public.${call}`)),
  });
  try {
    for (const rpc of reads) {
      await compare(
        measuring,
        { group: 'flat', name: rpc, against: 'no events', aim: 1.1 },
        { candidate: side(busy, `${rpc}()`), baseline: side(idle, `${rpc}()`) },
      );
    }
    for (const [rpc, args] of Object.entries(sums)) {
      await compare(
        measuring,
        { group: 'flat', name: `${rpc} of ${size.shownKeys} keys`, against: 'one key', aim: 1.1 },
        { candidate: side(rich, `${rpc}(${args})`), baseline: side(plain, `${rpc}(${args})`) },
      );
    }
  } finally {
    await sql.end({ timeout: 1 });
  }
  await measurePaging(measuring, busy, keys);
}

/** Fills the rollups as if each key of both users was busy in every hour of 30 days. */
async function furnishAccounts(
  { scene, sql, size }: Measuring,
  rich: BenchUser,
  plain: BenchUser,
): Promise<void> {
  const many = await scene.newKeys(Array<BenchUser>(size.shownKeys).fill(rich));
  const one = await scene.newKeys([plain]);
  await sql`
    update proxy_private.proxy_keys set deleted_at = now() where id = any(${many.slice(1)}::uuid[])`;
  const users = [rich.id, plain.id];
  await sql`
    insert into proxy_private.proxy_usage_hourly
    select k.id, h, k.user_id, 1, 2, 3
    from proxy_private.proxy_keys as k, generate_series(
      date_trunc('hour', now()) - ${days}::integer * interval '1 day', now(), interval '1 hour'
    ) as h
    where k.user_id = any(${users}::uuid[])`;
  await sql`
    insert into proxy_private.proxy_usage_monthly
    select h.api_key_id, date_trunc('month', h.hour)::date, h.user_id, sum(h.requests),
      sum(h.bytes_sent), sum(h.bytes_received), max(h.hour)
    from proxy_private.proxy_usage_hourly as h where h.user_id = any(${users}::uuid[]) group by 1, 2, 3`;
  const subjects = [...users, ...many, ...one];
  await sql`
    insert into proxy_private.proxy_usage_outcomes
    select s, h, 1, 2, 3, 5, 'ok' from unnest(${subjects}::uuid[]) as s, generate_series(
      date_trunc('hour', now()) - ${days}::integer * interval '1 day', now(), interval '1 hour'
    ) as h`;
  await sql`
    insert into proxy_private.proxy_usage_targets
    select s, now()::date - d, 0, null, 1, 0, 2, 3, 5, 'host-' || n || '.example'
    from unnest(${subjects}::uuid[]) as s, generate_series(0, ${days}::integer) as d,
      generate_series(1, 10) as n`;
  await sql`
    insert into proxy_private.proxy_account_hourly
    select h.user_id, h.hour, true, sum(h.requests), sum(h.bytes_sent), sum(h.bytes_received)
    from proxy_private.proxy_usage_hourly as h where h.user_id = any(${users}::uuid[]) group by 1, 2`;
  await sql`
    insert into proxy_private.proxy_account_monthly
    select m.user_id, m.month, 'developer', true, sum(m.requests), sum(m.bytes_sent),
      sum(m.bytes_received)
    from proxy_private.proxy_usage_monthly as m where m.user_id = any(${users}::uuid[]) group by 1, 2`;
}
