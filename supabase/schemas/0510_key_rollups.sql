-- Rollups by key: the usage of a key per hour and per month. Reading a month takes one index lookup
-- per key, regardless of the number of events.

create table proxy_private.proxy_usage_hourly (
  api_key_id uuid not null references proxy_private.proxy_keys (id),
  hour timestamptz not null,
  user_id uuid,
  requests bigint not null,
  bytes_sent bigint not null,
  bytes_received bigint not null,
  primary key (api_key_id, hour)
) with (fillfactor = 70);
comment on table proxy_private.proxy_usage_hourly is
  'Usage per key and hour (UTC). Every event except a refusal adds to it.';

alter table proxy_private.proxy_usage_hourly enable row level security;
create policy "owners read the hourly usage of their own keys" on proxy_private.proxy_usage_hourly
  for select to authenticated using ((select auth.uid()) = user_id);


create table proxy_private.proxy_usage_monthly (
  api_key_id uuid not null references proxy_private.proxy_keys (id),
  month date not null,
  user_id uuid,
  requests bigint not null,
  bytes_sent bigint not null,
  bytes_received bigint not null,
  last_used_at timestamptz not null,
  primary key (api_key_id, month),
  constraint "a month is named by its first day" check (extract(day from month) = 1)
) with (fillfactor = 70);
comment on table proxy_private.proxy_usage_monthly is
  'Usage per key and calendar month (UTC), which quotas and lists read. Every event except a '
  'refusal adds to it.';
comment on column proxy_private.proxy_usage_monthly.last_used_at is
  'When the newest of these events ended, as last reported. A refused CONNECT does not count as '
  'use of the key.';

alter table proxy_private.proxy_usage_monthly enable row level security;
create policy "owners read the monthly usage of their own keys" on proxy_private.proxy_usage_monthly
  for select to authenticated using ((select auth.uid()) = user_id);


-- finds the lowest override; there are few
create index proxy_keys_bandwidth_override
  on proxy_private.proxy_keys (((limit_overrides ->> 'bandwidth_limit_bytes')::bigint))
  where limit_overrides ->> 'bandwidth_limit_bytes' is not null;

-- Locks the monthly rows first, each table in order: everything that raises or repairs rollups
-- locks rows in the same order. Postgres runs the last of several writing CTEs first.
create function proxy_private.raise_key_rollups(raised proxy_private.raised_usage[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  this_month constant date := date_trunc('month', now())::date;
  -- a cap that no honest gateway reaches, so that no later sum overflows
  most_bytes constant bigint := 9007199254740991;
  least_limit constant bigint := least(
    (select min(t.bandwidth_limit_bytes) from public.proxy_tiers as t),
    (
      select min((k.limit_overrides ->> 'bandwidth_limit_bytes')::bigint)
      from proxy_private.proxy_keys as k
      where k.limit_overrides ->> 'bandwidth_limit_bytes' is not null
    )
  );
  -- no quota's threshold is below this, so there is nothing to do
  least_bytes constant bigint := least_limit / 100 * proxy_private.least_threshold();
  crossing_keys text[];
  quotas proxy_private.raised_quota[];
begin
  with hours as materialized (
    select
      r.api_key_id, date_trunc('hour', r.occurred_at) as hour,
      sum(r.requests) as requests,
      least(sum(r.bytes_sent), most_bytes) as bytes_sent,
      least(sum(r.bytes_received), most_bytes) as bytes_received,
      max(r.used_until) as last_used_at
    from unnest(raised) as r
    where r.counts
    group by 1, 2
  ),
  months as materialized (
    select
      h.api_key_id, date_trunc('month', h.hour)::date as month,
      sum(h.requests) as requests, least(sum(h.bytes_sent), most_bytes) as bytes_sent,
      least(sum(h.bytes_received), most_bytes) as bytes_received,
      max(h.last_used_at) as last_used_at
    from hours as h
    group by 1, 2
  ),
  hourly as (
    insert into proxy_private.proxy_usage_hourly as h (
      api_key_id, hour, user_id, requests, bytes_sent, bytes_received
    )
    select r.api_key_id, r.hour, k.user_id, r.requests, r.bytes_sent, r.bytes_received
    from hours as r
    join proxy_private.proxy_keys as k on k.id = r.api_key_id
    order by r.api_key_id, r.hour
    on conflict (api_key_id, hour) do update set
      requests = h.requests + excluded.requests,
      bytes_sent = least(h.bytes_sent + excluded.bytes_sent, most_bytes),
      bytes_received = least(h.bytes_received + excluded.bytes_received, most_bytes)
  ),
  monthly as (
    insert into proxy_private.proxy_usage_monthly as m (
      api_key_id, month, user_id, requests, bytes_sent, bytes_received, last_used_at
    )
    select
      r.api_key_id, r.month, k.user_id, r.requests, r.bytes_sent, r.bytes_received,
      r.last_used_at
    from months as r
    join proxy_private.proxy_keys as k on k.id = r.api_key_id
    order by r.api_key_id, r.month
    on conflict (api_key_id, month) do update set
      requests = m.requests + excluded.requests,
      bytes_sent = least(m.bytes_sent + excluded.bytes_sent, most_bytes),
      bytes_received = least(m.bytes_received + excluded.bytes_received, most_bytes),
      last_used_at = greatest(m.last_used_at, excluded.last_used_at)
    returning m.api_key_id, m.month, m.bytes_sent + m.bytes_received as total
  ),
  -- Only keys past the lowest of all thresholds are checked: usually none. A full join is hashed or
  -- merged; for other joins, the planner expects one row and would choose a nested loop.
  risen as materialized (
    select m.api_key_id, m.total, m.total - r.bytes_sent - r.bytes_received as total_before
    from (
      select * from monthly as m where m.month = this_month and m.total >= least_bytes
    ) as m
    full join (select * from months as r where r.month = this_month) as r
      on r.api_key_id = m.api_key_id
  ),
  nearing as (
    select
      k.key_id, k.deleted_at,
      (
        k.user_id, k.id, proxy_private.describe_key(k.id, k.key_id, k.label), k.bandwidth_limit_bytes,
        r.total_before, r.total
      )::proxy_private.raised_quota as quota
    from risen as r
    join proxy_private.key_states as k on k.id = r.api_key_id
    -- in most cases, usage stays within the same percent, and crosses no threshold
    where r.total_before < k.bandwidth_limit_bytes
      and r.total * 100 / nullif(k.bandwidth_limit_bytes, 0)
        > r.total_before::bigint * 100 / nullif(k.bandwidth_limit_bytes, 0)
  )
  select
    array_agg(n.key_id) filter (where (n.quota).used_bytes >= (n.quota).limit_bytes),
    array_agg(n.quota) filter (where n.deleted_at is null)
  into crossing_keys, quotas
  from nearing as n;
  perform pg_notify('proxy_key_changed', k) from unnest(crossing_keys) as k;
  if quotas is not null then
    perform proxy_private.alert_quotas(quotas);
  end if;
end
$$;
comment on function proxy_private.raise_key_rollups is
  'Raises the rollups by key. Notifies channel proxy_key_changed of each key whose bytes of this '
  'month now reach its limit, so that no gateway keeps using its cached figure. Alerts the owner '
  'of each key that crosses a threshold.';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on table
  proxy_private.proxy_usage_hourly, proxy_private.proxy_usage_monthly
from public, anon, authenticated, service_role;
revoke all on function proxy_private.raise_key_rollups from public, anon, authenticated, service_role;
grant select on table proxy_private.proxy_usage_hourly, proxy_private.proxy_usage_monthly to authenticated;
