-- The rollup by outcome, checked against the events of a day.

create function proxy_private.outcome_usage_drift(day date) returns setof proxy_private.usage_correction
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- so that other days' partitions are neither planned nor locked
set plan_cache_mode = force_custom_plan
as $$
declare
  most_bytes constant bigint := 9007199254740991;
  begins timestamptz := outcome_usage_drift.day;
  ends timestamptz := outcome_usage_drift.day + 1;
begin
  if outcome_usage_drift.day < proxy_private.first_kept_target_day() then
    return;
  end if;
  return query
  with by_code as materialized (
    select
      e.api_key_id, date_bin('1 hour', e.occurred_at, begins) as hour, e.code,
      sum(e.count) as requests,
      -- bounded as in raise_outcome_rollups
      least(sum(e.bytes_sent), most_bytes) as bytes_sent,
      least(sum(e.bytes_received), most_bytes) as bytes_received
    from proxy_private.proxy_usage_events as e
    where e.occurred_at >= begins and e.occurred_at < ends
    group by 1, 2, 3
  ),
  counted as (
    select
      s.subject, b.hour,
      case when b.code is null then 'ok' else proxy_private.outcome_of(b.code) end collate "C" as outcome,
      sum(b.requests)::bigint as requests,
      least(sum(b.bytes_sent), most_bytes)::bigint as bytes_sent,
      least(sum(b.bytes_received), most_bytes)::bigint as bytes_received,
      least(
        sum(case when o.live_mode then b.bytes_sent + b.bytes_received else 0 end), most_bytes
      )::bigint as billed_bytes
    from by_code as b
    join proxy_private.proxy_keys as o on o.id = b.api_key_id
    cross join lateral (values (o.id), (o.user_id)) as s (subject)
    where s.subject is not null
    group by 1, 2, 3
  ),
  kept as (
    select h.* from proxy_private.proxy_usage_outcomes as h where h.hour >= begins and h.hour < ends
  ),
  compared as (
    select
      subject, hour, outcome,
      case
        when k.requests is null then 'missing' when c.requests is null then 'surplus'
        else 'different'
      end as found,
      coalesce(c.requests, 0) - coalesce(k.requests, 0) as requests,
      coalesce(c.bytes_sent, 0) - coalesce(k.bytes_sent, 0) as bytes_sent,
      coalesce(c.bytes_received, 0) - coalesce(k.bytes_received, 0) as bytes_received,
      coalesce(c.billed_bytes, 0) - coalesce(k.billed_bytes, 0) as billed_bytes
    from counted as c
    full join kept as k using (subject, hour, outcome)
    where c.requests is not null
      -- as in proxy_private.target_usage_drift
      or exists (select from proxy_private.proxy_keys as o where o.id = subject)
      or exists (select from proxy_private.proxy_keys as o where o.user_id = subject)
  )
  select
    'outcome', d.subject, d.hour, d.outcome, d.found, d.requests, d.bytes_sent, d.bytes_received,
    null::timestamptz, null::timestamptz, null::uuid, null::uuid, null::bigint,
    d.billed_bytes
  from compared as d
  where (d.requests, d.bytes_sent, d.bytes_received, d.billed_bytes) <> (0, 0, 0, 0);
end
$$;
comment on function proxy_private.outcome_usage_drift is
  'Returns the rows by outcome of a day (UTC) that differ from its events, with a key or a user as '
  'api_key_id and the outcome as part; none for a day that is no longer kept.';


create function proxy_private.repair_outcome_usage(corrections proxy_private.usage_correction[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into proxy_private.proxy_usage_outcomes as o (
    subject, hour, outcome, requests, bytes_sent, bytes_received, billed_bytes
  )
  select
    c.api_key_id, c.period, c.part, c.requests, c.bytes_sent, c.bytes_received, c.billed_bytes
  from unnest(corrections) as c
  where c.rollup = 'outcome'
  order by c.api_key_id, c.period, c.part collate "C"
  on conflict (subject, hour, outcome) do update set
    requests = o.requests + excluded.requests,
    bytes_sent = least(o.bytes_sent + excluded.bytes_sent, 9007199254740991),
    bytes_received = least(o.bytes_received + excluded.bytes_received, 9007199254740991),
    billed_bytes = least(o.billed_bytes + excluded.billed_bytes, 9007199254740991);
end
$$;
comment on function proxy_private.repair_outcome_usage is
  'Applies the corrections to the rows by outcome. A row without events stays, with zeros.';


-- Revoke everything, even if default privileges are open.
revoke all on function
  proxy_private.outcome_usage_drift, proxy_private.repair_outcome_usage
from public, anon, authenticated, service_role;
