import type postgres from 'postgres';
import type { BenchUser, Scene } from '../scene.ts';

/** The most data that a route returns, or the small share of it for a smoke test. */
export interface BusySize {
  /** Events of one key. */
  events: number;
  keys: number;
  /** Hours of usage, each with every outcome, and hosts on each of 10 days. */
  hours: number;
  hosts: number;
  grants: number;
}

/** Creates the most of everything that a user may have, directly in the tables. Returns one of the keys. */
export async function furnishBusyUser(
  { scene, sql }: { scene: Scene; sql: postgres.Sql },
  user: BenchUser,
  size: BusySize,
): Promise<string> {
  const keys = await scene.newKeys(Array<BenchUser>(size.keys).fill(user));
  const [key = ''] = keys;
  await sql`
    update proxy_private.proxy_keys set
      label = repeat('w', 80),
      allowed_ips = array(
        select set_masklen(('2001:db8:' || to_hex(n) || '::')::cidr, 48) from generate_series(1, 50) as n
      ),
      deleted_at = case when id <> ${key} then now() end
    where id = any(${keys}::uuid[])`;
  await sql`select proxy_private.make_usage_partitions(now()::date - 31, now()::date)`;
  await sql`
    insert into proxy_private.proxy_usage_events (
      api_key_id, event_id, occurred_at, target_host, method, status_code, bytes_sent, bytes_received,
      duration_ms, served_by_node_id
    )
    select ${key}, gen_random_uuid(), now() - n * (interval '30 days' / ${size.events}::integer),
      'host-' || n % 1000 || '.shop.example.com', 'CONNECT', 200, 1000 + n, 50000 + n, n % 5000, 'node-1'
    from generate_series(1, ${size.events}::integer) as n`;
  await sql`
    insert into proxy_private.proxy_usage_monthly
    select k, date_trunc('month', now())::date, ${user.id}, 1234567, 123456789012, 123456789012, now()
    from unnest(${keys}::uuid[]) as k`;
  await sql`
    insert into proxy_private.proxy_account_hourly
    select ${user.id}, date_trunc('hour', now()) - n * interval '1 hour', true, 1234567, 123456789012,
      123456789012
    from generate_series(0, ${size.hours}::integer) as n`;
  await sql`
    insert into proxy_private.proxy_usage_outcomes
    select ${user.id}, date_trunc('hour', now()) - n * interval '1 hour', 1234567, 123456789012,
      123456789012, 123456789012, o.outcome
    from generate_series(0, ${size.hours}::integer) as n, proxy_private.outcomes as o`;
  await sql`
    insert into proxy_private.proxy_usage_targets
    select ${user.id}, now()::date - d, 0, null, 1234567, 0, 123456789012, 123456789012, 123456789012,
      'host-' || n || '-' || d || '.' || repeat('w', 200) || '.example'
    from generate_series(0, 9) as d, generate_series(1, ${size.hosts}::integer) as n`;
  const granted = await scene.newUsers(size.grants);
  await sql`
    insert into proxy_private.proxy_tier_grants (user_id, tier, reason)
    select u, 'enterprise', repeat('w', 500)
    from unnest(${granted.map(({ id }) => id)}::uuid[]) as u`;
  for (const table of ['events', 'targets', 'outcomes']) {
    await sql.unsafe(`vacuum analyze proxy_private.proxy_usage_${table}`);
  }
  return key;
}
