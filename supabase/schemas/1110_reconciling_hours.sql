-- The hourly rollup, checked against the events of a day.

create function proxy_private.hourly_usage_drift(day date) returns setof proxy_private.usage_correction
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- so that other days' partitions are neither planned nor locked
set plan_cache_mode = force_custom_plan
-- to hash in memory instead of sorting on disk
set work_mem = '64MB'
as $$
declare
  begins timestamptz := hourly_usage_drift.day;
  ends timestamptz := hourly_usage_drift.day + 1;
  first_day date := date_trunc('month', hourly_usage_drift.day)::date;
begin
  return query
  with counted as materialized (
    select
      e.api_key_id,
      -- like date_trunc, in a tenth of the time
      date_bin('1 hour', e.occurred_at, begins) as hour,
      sum(e.count)::bigint as requests,
      -- bounded as in record_usage
      least(sum(e.bytes_sent), 9007199254740991)::bigint as bytes_sent,
      least(sum(e.bytes_received), 9007199254740991)::bigint as bytes_received,
      max(e.occurred_at + e.duration_ms * interval '1 ms') as last_used_at
    from proxy_private.counted_usage_events as e
    where e.occurred_at >= begins and e.occurred_at < ends
    group by 1, 2
  ),
  kept as (
    select h.* from proxy_private.proxy_usage_hourly as h where h.hour >= begins and h.hour < ends
  ),
  compared as (
    select
      api_key_id,
      hour,
      case
        when k.requests is null then 'missing' when c.requests is null then 'surplus'
        else 'different'
      end as found,
      coalesce(c.requests, 0) - coalesce(k.requests, 0) as requests,
      coalesce(c.bytes_sent, 0) - coalesce(k.bytes_sent, 0) as bytes_sent,
      coalesce(c.bytes_received, 0) - coalesce(k.bytes_received, 0) as bytes_received,
      k.user_id as kept_user_id,
      -- a key's owner never changes; once the account is removed, only the row has the owner
      coalesce(o.user_id, k.user_id) as user_id
    from counted as c
    full join kept as k using (api_key_id, hour)
    left join proxy_private.proxy_keys as o on o.id = api_key_id
  )
  select
    'hourly', d.api_key_id, d.hour, null::text, d.found, d.requests, d.bytes_sent,
    d.bytes_received, null::timestamptz, null::timestamptz, d.kept_user_id, d.user_id, null::bigint,
    null::bigint
  from compared as d
  where d.found <> 'different'
    or (d.requests, d.bytes_sent, d.bytes_received) <> (0, 0, 0)
    or d.kept_user_id is distinct from d.user_id
  union all
  select
    'monthly', m.api_key_id, first_day::timestamptz, null, 'different', 0, 0, 0,
    m.last_used_at, u.last_used_at, m.user_id, m.user_id, null, null
  from (
    select c.api_key_id, max(c.last_used_at) as last_used_at from counted as c group by 1
  ) as u
  join proxy_private.proxy_usage_monthly as m
    on m.api_key_id = u.api_key_id and m.month = first_day
  where m.last_used_at < u.last_used_at;
end
$$;
comment on function proxy_private.hourly_usage_drift is
  'Returns the hourly rows of a day (UTC) that differ from its events, and the monthly rows with a '
  'last use earlier than the events''.';


create function proxy_private.repair_hourly_usage(corrections proxy_private.usage_correction[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into proxy_private.proxy_usage_hourly as h (
    api_key_id, hour, user_id, requests, bytes_sent, bytes_received
  )
  select c.api_key_id, c.period, c.user_id, c.requests, c.bytes_sent, c.bytes_received
  from unnest(corrections) as c
  where c.rollup = 'hourly'
  order by c.api_key_id, c.period
  on conflict on constraint proxy_usage_hourly_pkey do update set
    user_id = excluded.user_id,
    requests = h.requests + excluded.requests,
    bytes_sent = least(h.bytes_sent + excluded.bytes_sent, 9007199254740991),
    bytes_received = least(h.bytes_received + excluded.bytes_received, 9007199254740991);

  -- The rows are locked now: transactions that raised them have committed, and new ones wait.
  delete from proxy_private.proxy_usage_hourly as h using unnest(corrections) as c
  where c.rollup = 'hourly' and c.found = 'surplus'
    and h.api_key_id = c.api_key_id and h.hour = c.period
    and (h.requests, h.bytes_sent, h.bytes_received) = (0, 0, 0)
    and (
      date_trunc('hour', h.hour, 'UTC') <> h.hour
      or not exists (
        select from proxy_private.counted_usage_events as e
        where e.api_key_id = h.api_key_id
          and e.occurred_at >= h.hour and e.occurred_at < h.hour + interval '1 hour'
      )
    );
end
$$;
comment on function proxy_private.repair_hourly_usage is
  'Applies the corrections to the hourly rows, and deletes rows of hours without events.';


-- Revoke everything, even if default privileges are open.
revoke all on function
  proxy_private.hourly_usage_drift, proxy_private.repair_hourly_usage
from public, anon, authenticated, service_role;
