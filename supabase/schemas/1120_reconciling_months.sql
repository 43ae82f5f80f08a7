-- The monthly rollup, checked against the hourly one, and its last use against the events.

create function proxy_private.monthly_usage_drift(
  month date, corrections proxy_private.usage_correction[]
) returns setof proxy_private.usage_correction
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_custom_plan
-- to hash in memory instead of sorting on disk
set work_mem = '64MB'
as $$
declare
  begins timestamptz := monthly_usage_drift.month;
  ends timestamptz := monthly_usage_drift.month + interval '1 month';
  -- of dropped events, only this last use is known
  all_events_are_here boolean := not exists (
    select from proxy_private.dropped_usage_days as d where d.day >= begins and d.day < ends
  );
begin
  return query
  with counted as (
    select
      u.api_key_id,
      sum(u.requests)::bigint as requests,
      least(sum(u.bytes_sent), 9007199254740991)::bigint as bytes_sent,
      least(sum(u.bytes_received), 9007199254740991)::bigint as bytes_received,
      max(u.hour) as last_hour,
      max(u.last_used_at) as last_used_at
    from (
      select
        h.api_key_id, h.hour, h.requests, h.bytes_sent, h.bytes_received,
        null::timestamptz as last_used_at, 1 as rows
      from proxy_private.proxy_usage_hourly as h
      where h.hour >= begins and h.hour < ends
      union all
      select
        c.api_key_id, c.period, c.requests, c.bytes_sent, c.bytes_received, c.last_used_at,
        case c.found when 'missing' then 1 when 'surplus' then -1 else 0 end
      from unnest(monthly_usage_drift.corrections) as c
      where c.rollup in ('hourly', 'monthly') and c.period >= begins and c.period < ends
    ) as u
    group by 1
    having sum(u.rows) > 0
  ),
  kept as (
    select m.* from proxy_private.proxy_usage_monthly as m where m.month = monthly_usage_drift.month
  ),
  compared as (
    select
      api_key_id,
      case
        when k.requests is null then 'missing' when c.requests is null then 'surplus'
        else 'different'
      end as found,
      coalesce(c.requests, 0) - coalesce(k.requests, 0) as requests,
      coalesce(c.bytes_sent, 0) - coalesce(k.bytes_sent, 0) as bytes_sent,
      coalesce(c.bytes_received, 0) - coalesce(k.bytes_received, 0) as bytes_received,
      k.last_used_at as kept_last_used_at,
      -- for a surplus row, the row itself is the only source
      coalesce(
        case
          when k.requests is null and newest.last_used_at is null then c.last_hour
          when k.requests is null and not all_events_are_here
            then greatest(newest.last_used_at, c.last_hour)
          when all_events_are_here then newest.last_used_at
          else greatest(k.last_used_at, newest.last_used_at)
        end,
        k.last_used_at
      ) as last_used_at,
      k.user_id as kept_user_id,
      -- as in proxy_private.hourly_usage_drift
      coalesce(o.user_id, k.user_id) as user_id
    from counted as c
    full join kept as k using (api_key_id)
    left join proxy_private.proxy_keys as o on o.id = api_key_id
    -- usually an event that started in the hour before confirms the last use
    left join lateral (
      select true as stands
      from proxy_private.counted_usage_events as e
      where all_events_are_here and c.last_used_at is null
        and e.api_key_id = k.api_key_id
        and e.occurred_at >= begins and e.occurred_at < ends
        and e.occurred_at >= k.last_used_at - interval '1 hour' and e.occurred_at <= k.last_used_at
        and e.occurred_at + e.duration_ms * interval '1 ms' = k.last_used_at
      limit 1
    ) as probe on true
    left join lateral (
      select max(e.occurred_at + e.duration_ms * interval '1 ms') as last_used_at
      from proxy_private.counted_usage_events as e
      where probe.stands is null
        and (all_events_are_here or k.requests is null or c.last_used_at is not null)
        and e.api_key_id = c.api_key_id and e.occurred_at >= begins and e.occurred_at < ends
    ) as newest on true
  )
  select
    'monthly', d.api_key_id, begins, null::text, d.found, d.requests, d.bytes_sent,
    d.bytes_received, d.kept_last_used_at, d.last_used_at, d.kept_user_id, d.user_id,
    null::bigint, null::bigint
  from compared as d
  where d.found <> 'different'
    or (d.requests, d.bytes_sent, d.bytes_received) <> (0, 0, 0)
    or d.kept_last_used_at <> d.last_used_at
    or d.kept_user_id is distinct from d.user_id;
end
$$;
comment on function proxy_private.monthly_usage_drift is
  'Returns the monthly rows that differ from the corrected hourly rows, and those whose last use '
  'is not the end of their newest event. If days were dropped, no last use counts as too late.';


create function proxy_private.repair_monthly_usage(corrections proxy_private.usage_correction[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  insert into proxy_private.proxy_usage_monthly as m (
    api_key_id, month, user_id, requests, bytes_sent, bytes_received, last_used_at
  )
  select
    c.api_key_id, c.period::date, c.user_id, c.requests, c.bytes_sent, c.bytes_received,
    c.last_used_at
  from unnest(corrections) as c
  where c.rollup = 'monthly'
  order by c.api_key_id, c.period
  on conflict on constraint proxy_usage_monthly_pkey do update set
    user_id = excluded.user_id,
    requests = m.requests + excluded.requests,
    bytes_sent = least(m.bytes_sent + excluded.bytes_sent, 9007199254740991),
    bytes_received = least(m.bytes_received + excluded.bytes_received, 9007199254740991),
    last_used_at = greatest(m.last_used_at, excluded.last_used_at);

  -- The rows are locked now: transactions that raised them have committed, and new ones wait. So a
  -- last use that was too late can be set, and rows without events can be found.
  update proxy_private.proxy_usage_monthly as m set last_used_at = u.last_used_at
  from unnest(corrections) as c
  cross join lateral (
    select max(e.occurred_at + e.duration_ms * interval '1 ms') as last_used_at
    from proxy_private.counted_usage_events as e
    where e.api_key_id = c.api_key_id
      and e.occurred_at >= c.period and e.occurred_at < c.period + interval '1 month'
  ) as u
  where c.rollup = 'monthly' and c.last_used_at < c.kept_last_used_at
    and m.api_key_id = c.api_key_id and m.month = c.period::date
    and m.last_used_at <> u.last_used_at;

  delete from proxy_private.proxy_usage_monthly as m using unnest(corrections) as c
  where c.rollup = 'monthly' and c.found = 'surplus'
    and m.api_key_id = c.api_key_id and m.month = c.period::date
    and (m.requests, m.bytes_sent, m.bytes_received) = (0, 0, 0)
    and not exists (
      select from proxy_private.counted_usage_events as e
      where e.api_key_id = m.api_key_id
        and e.occurred_at >= c.period and e.occurred_at < c.period + interval '1 month'
    );
end
$$;
comment on function proxy_private.repair_monthly_usage is
  'Applies the corrections to the monthly rows, sets last uses that are too late, and deletes rows '
  'of keys without events.';


-- Revoke everything, even if default privileges are open.
revoke all on function
  proxy_private.monthly_usage_drift, proxy_private.repair_monthly_usage
from public, anon, authenticated, service_role;
