-- Rollups by account: the usage of all keys of a user, including deleted ones. Account quotas use
-- them, and reading them takes the same time regardless of the number of keys. A removed account
-- keeps its rows, as its keys do; usage that is reported later for its keys adds to none.

create table proxy_private.proxy_account_monthly (
  user_id uuid not null,
  month date not null,
  tier text not null,
  live_mode boolean not null,
  requests bigint not null,
  bytes_sent bigint not null,
  bytes_received bigint not null,
  primary key (user_id, month, tier, live_mode),
  constraint "a month is named by its first day" check (extract(day from month) = 1)
) with (fillfactor = 70);
comment on table proxy_private.proxy_account_monthly is
  'Usage of all live or test keys of a user and tier per calendar month (UTC), which account '
  'quotas and sums over all keys read. Every event except a refusal adds to it.';

alter table proxy_private.proxy_account_monthly enable row level security;
create policy "users read the monthly usage of their own account" on proxy_private.proxy_account_monthly
  for select to authenticated using ((select auth.uid()) = user_id);


create table proxy_private.proxy_account_hourly (
  user_id uuid not null,
  hour timestamptz not null,
  live_mode boolean not null,
  requests bigint not null,
  bytes_sent bigint not null,
  bytes_received bigint not null,
  primary key (user_id, hour, live_mode)
) with (fillfactor = 70);
comment on table proxy_private.proxy_account_hourly is
  'Usage of all live or test keys of a user per hour (UTC). Every event except a refusal adds to '
  'it.';

alter table proxy_private.proxy_account_hourly enable row level security;
create policy "users read the hourly usage of their own account" on proxy_private.proxy_account_hourly
  for select to authenticated using ((select auth.uid()) = user_id);


-- over all tiers and modes: sorting all users by usage needs one figure per user
create table proxy_private.proxy_user_monthly (
  user_id uuid not null,
  month date not null,
  bytes bigint not null,
  primary key (user_id, month),
  constraint "a month is named by its first day" check (extract(day from month) = 1)
) with (fillfactor = 70);
comment on table proxy_private.proxy_user_monthly is
  'Bytes in and out of all keys of a user per calendar month (UTC), by which admins sort users. '
  'Every event except a refusal adds to it.';
create index proxy_user_monthly_most on proxy_private.proxy_user_monthly (month, bytes desc, user_id desc);

alter table proxy_private.proxy_user_monthly enable row level security;


-- find the lowest overrides, as for keys
create index proxy_account_limits_live
  on proxy_private.proxy_account_limits (((limit_overrides ->> 'account_limit_bytes')::bigint))
  where limit_overrides ->> 'account_limit_bytes' is not null;
create index proxy_account_limits_test
  on proxy_private.proxy_account_limits (((limit_overrides ->> 'test_limit_bytes')::bigint))
  where limit_overrides ->> 'test_limit_bytes' is not null;

-- Locks the monthly rows first, each table in order, after the rollups by key: everything that
-- raises or repairs rollups locks rows in the same order. Postgres runs the last of several writing
-- CTEs first.
create function proxy_private.raise_account_rollups(raised proxy_private.raised_usage[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  this_month constant date := date_trunc('month', now())::date;
  -- a cap that no honest gateway reaches, so that no later sum overflows
  most_bytes constant bigint := 9007199254740991;
  least_live_limit constant bigint := least(
    (select min(t.account_limit_bytes) from public.proxy_tiers as t),
    (
      select min((o.limit_overrides ->> 'account_limit_bytes')::bigint)
      from proxy_private.proxy_account_limits as o
      where o.limit_overrides ->> 'account_limit_bytes' is not null
    )
  );
  least_test_limit constant bigint := least(
    (select min(t.test_limit_bytes) from public.proxy_tiers as t),
    (
      select min((o.limit_overrides ->> 'test_limit_bytes')::bigint)
      from proxy_private.proxy_account_limits as o
      where o.limit_overrides ->> 'test_limit_bytes' is not null
    )
  );
  -- no quota's threshold is below these, so there is nothing to do
  least_live_bytes constant bigint := least_live_limit / 100 * proxy_private.least_threshold();
  least_test_bytes constant bigint := least_test_limit / 100 * proxy_private.least_threshold();
  crossing_keys text[];
  quotas proxy_private.raised_quota[];
begin
  with by_key as materialized (
    select
      r.api_key_id, date_trunc('hour', r.occurred_at) as hour, sum(r.requests) as requests,
      sum(r.bytes_sent) as bytes_sent, sum(r.bytes_received) as bytes_received
    from unnest(raised) as r
    where r.counts
    group by 1, 2
  ),
  by_tier as materialized (
    select
      k.user_id, k.tier, k.live_mode, u.hour, sum(u.requests) as requests,
      sum(u.bytes_sent) as bytes_sent, sum(u.bytes_received) as bytes_received
    from by_key as u
    join proxy_private.proxy_keys as k on k.id = u.api_key_id
    where k.user_id is not null
    group by 1, 2, 3, 4
  ),
  months as materialized (
    select
      u.user_id, date_trunc('month', u.hour)::date as month, u.tier, u.live_mode,
      sum(u.requests) as requests, least(sum(u.bytes_sent), most_bytes) as bytes_sent,
      least(sum(u.bytes_received), most_bytes) as bytes_received
    from by_tier as u
    group by 1, 2, 3, 4
  ),
  users as (
    insert into proxy_private.proxy_user_monthly as s (user_id, month, bytes)
    select m.user_id, m.month, least(sum(m.bytes_sent + m.bytes_received), most_bytes)
    from months as m
    group by 1, 2
    order by 1, 2
    on conflict (user_id, month) do update set bytes = least(s.bytes + excluded.bytes, most_bytes)
  ),
  hourly as (
    insert into proxy_private.proxy_account_hourly as h (
      user_id, hour, live_mode, requests, bytes_sent, bytes_received
    )
    select
      u.user_id, u.hour, u.live_mode, sum(u.requests), least(sum(u.bytes_sent), most_bytes),
      least(sum(u.bytes_received), most_bytes)
    from by_tier as u
    group by 1, 2, 3
    order by 1, 2, 3
    on conflict (user_id, hour, live_mode) do update set
      requests = h.requests + excluded.requests,
      bytes_sent = least(h.bytes_sent + excluded.bytes_sent, most_bytes),
      bytes_received = least(h.bytes_received + excluded.bytes_received, most_bytes)
  ),
  monthly as (
    insert into proxy_private.proxy_account_monthly as m (
      user_id, month, tier, live_mode, requests, bytes_sent, bytes_received
    )
    select r.* from months as r
    order by r.user_id, r.month, r.tier, r.live_mode
    on conflict (user_id, month, tier, live_mode) do update set
      requests = m.requests + excluded.requests,
      bytes_sent = least(m.bytes_sent + excluded.bytes_sent, most_bytes),
      bytes_received = least(m.bytes_received + excluded.bytes_received, most_bytes)
    returning
      m.user_id, m.month, m.tier, m.live_mode, m.bytes_sent + m.bytes_received as total
  ),
  -- Only accounts past the lowest of all thresholds are checked: usually none. A union instead of a
  -- join: for a join, the planner expects few rows and would choose a nested loop.
  risen as materialized (
    select
      a.user_id, a.tier, a.live_mode, sum(a.total) as total,
      sum(a.total) - sum(a.raised) as total_before
    from (
      select m.user_id, m.month, m.tier, m.live_mode, m.total, 0 as raised from monthly as m
      union all
      select r.user_id, r.month, r.tier, r.live_mode, 0, r.bytes_sent + r.bytes_received
      from months as r
    ) as a
    where a.month = this_month
    group by 1, 2, 3
    having sum(a.total) >= case when a.live_mode then least_live_bytes else least_test_bytes end
  ),
  nearing as materialized (
    select
      r.user_id, r.tier, r.live_mode,
      (
        r.user_id, null, jsonb_build_object('tier', r.tier, 'liveMode', r.live_mode),
        l.account_limit_bytes, r.total_before, r.total
      )::proxy_private.raised_quota as quota
    from risen as r
    -- all these keys share one limit
    cross join lateral (
      select k.account_limit_bytes
      from proxy_private.key_states as k
      where k.tier = r.tier and k.user_id = r.user_id and k.live_mode = r.live_mode
        and k.deleted_at is null
      limit 1
    ) as l
    -- in most cases, usage stays within the same percent, and crosses no threshold
    where r.total_before < l.account_limit_bytes
      and div(r.total * 100, nullif(l.account_limit_bytes, 0))
        > div(r.total_before * 100, nullif(l.account_limit_bytes, 0))
  )
  select
    (
      select array_agg(k.key_id)
      from nearing as n
      join proxy_private.proxy_keys as k
        on k.user_id = n.user_id and k.tier = n.tier and k.live_mode = n.live_mode
      where (n.quota).used_bytes >= (n.quota).limit_bytes and k.deleted_at is null
    ),
    (select array_agg(n.quota) from nearing as n)
  into crossing_keys, quotas;
  perform pg_notify('proxy_key_changed', k) from unnest(crossing_keys) as k;
  if quotas is not null then
    perform proxy_private.alert_quotas(quotas);
  end if;
end
$$;
comment on function proxy_private.raise_account_rollups is
  'Raises the rollups by account. Notifies channel proxy_key_changed of each undeleted key of a '
  'user, tier and mode whose bytes of this month now reach their shared limit. Alerts each user '
  'who crosses a threshold.';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on table
  proxy_private.proxy_account_monthly, proxy_private.proxy_account_hourly, proxy_private.proxy_user_monthly
from public, anon, authenticated, service_role;
revoke all on function proxy_private.raise_account_rollups from public, anon, authenticated, service_role;
grant select on table proxy_private.proxy_account_monthly, proxy_private.proxy_account_hourly to authenticated;
