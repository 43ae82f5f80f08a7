-- The rollup by target, checked against the events of a day.

create function proxy_private.target_usage_drift(day date) returns setof proxy_private.usage_correction
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- so that other days' partitions are neither planned nor locked
set plan_cache_mode = force_custom_plan
as $$
declare
  most constant integer := 1000;
  most_bytes constant bigint := 9007199254740991;
  begins timestamptz := target_usage_drift.day;
  ends timestamptz := target_usage_drift.day + 1;
begin
  if target_usage_drift.day < proxy_private.first_kept_target_day() then
    return;
  end if;
  return query
  with by_key as materialized (
    select
      e.api_key_id, lower(e.target_host collate "C") as host, e.site_length,
      sum(e.count) as requests,
      coalesce(sum(e.count) filter (where proxy_private.is_target_error(e.code)), 0) as errors,
      -- bounded as in raise_target_rollups
      least(sum(e.bytes_sent), most_bytes) as bytes_sent,
      least(sum(e.bytes_received), most_bytes) as bytes_received
    from proxy_private.counted_usage_events as e
    where e.occurred_at >= begins and e.occurred_at < ends
    group by 1, 2, 3
  ),
  owned as materialized (
    select
      b.*, k.user_id,
      case when k.live_mode then b.bytes_sent + b.bytes_received else 0 end as billed_bytes
    from by_key as b
    join proxy_private.proxy_keys as k on k.id = b.api_key_id
  ),
  by_subject as (
    select
      o.api_key_id as subject, o.host, o.site_length, o.requests, o.errors, o.bytes_sent,
      o.bytes_received, o.billed_bytes
    from owned as o
    union all
    select
      o.user_id, o.host, o.site_length, sum(o.requests), sum(o.errors), sum(o.bytes_sent),
      sum(o.bytes_received), sum(o.billed_bytes)
    from owned as o
    where o.user_id is not null
    group by 1, 2, 3
  ),
  kept as materialized (
    select t.* from proxy_private.proxy_usage_targets as t where t.day = target_usage_drift.day
  ),
  -- which row each host counts in: a row stays once created, so a host counts where it did before
  placed as (
    select
      s.*,
      case
        when h.subject is not null then 0
        when coalesce(d.hosts, 0) < most then null
        when s.site_length is null then 2
        when w.subject is not null then 1
        when d.sites = most then 2
      end as kind
    from by_subject as s
    left join kept as h on h.subject = s.subject and h.kind = 0 and h.name = s.host
    left join kept as w
      on w.subject = s.subject and w.kind = 1 and w.name = right(s.host, s.site_length)
    left join proxy_private.proxy_usage_target_days as d
      on d.subject = s.subject and d.day = target_usage_drift.day
  ),
  counted as (
    select
      p.subject, p.kind, n.name, max(p.site_length) as site_length,
      sum(p.requests)::bigint as requests, sum(p.errors)::bigint as errors,
      least(sum(p.bytes_sent), most_bytes)::bigint as bytes_sent,
      least(sum(p.bytes_received), most_bytes)::bigint as bytes_received,
      least(sum(p.billed_bytes), most_bytes)::bigint as billed_bytes
    from placed as p
    cross join lateral (
      select
        case p.kind when 1 then right(p.host, p.site_length) when 2 then '' else p.host end as name
    ) as n
    group by 1, 2, 3
  ),
  compared as (
    select
      coalesce(c.subject, k.subject) as subject,
      concat_ws(
        ' ',
        coalesce((array['host', 'site', 'other'])[coalesce(c.kind, k.kind) + 1], 'new'),
        coalesce(case when k.subject is null then c.site_length else k.site_length end, 0),
        coalesce(c.name, k.name)
      ) as part,
      case
        when k.subject is null then 'missing' when c.subject is null then 'surplus'
        else 'different'
      end as found,
      coalesce(c.requests, 0) - coalesce(k.requests, 0) as requests,
      coalesce(c.errors, 0) - coalesce(k.errors, 0) as errors,
      coalesce(c.bytes_sent, 0) - coalesce(k.bytes_sent, 0) as bytes_sent,
      coalesce(c.bytes_received, 0) - coalesce(k.bytes_received, 0) as bytes_received,
      coalesce(c.billed_bytes, 0) - coalesce(k.billed_bytes, 0) as billed_bytes
    from counted as c
    full join kept as k on k.subject = c.subject and k.kind = c.kind and k.name = c.name
    where c.subject is not null
      -- once an account is removed, nothing links its events to it
      or exists (select from proxy_private.proxy_keys as o where o.id = k.subject)
      or exists (select from proxy_private.proxy_keys as o where o.user_id = k.subject)
  )
  select
    'target', d.subject, begins, d.part, d.found, d.requests, d.bytes_sent, d.bytes_received,
    null::timestamptz, null::timestamptz, null::uuid, null::uuid, d.errors,
    d.billed_bytes
  from compared as d
  where (d.requests, d.errors, d.bytes_sent, d.bytes_received, d.billed_bytes) <> (0, 0, 0, 0, 0);
end
$$;
comment on function proxy_private.target_usage_drift is
  'Returns the rows by target of a day (UTC) that differ from its events, with a key or a user as '
  'api_key_id; none for a day that is no longer kept. part consists of host, site, other, or new '
  'for a host that may need a row; the length of its site; and its name.';


create function proxy_private.repair_target_usage(corrections proxy_private.usage_correction[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  perform proxy_private.add_target_uses(
    array(
      select (
        c.api_key_id, c.period::date, array_position(array['host', 'site', 'other'], p.words[1]) - 1,
        p.words[3],
        case
          when p.words[1] = 'site' then char_length(p.words[3]) else nullif(p.words[2]::smallint, 0)
        end,
        c.requests, c.errors, c.bytes_sent, c.bytes_received, c.billed_bytes
      )::proxy_private.target_use
      from unnest(corrections) as c
      cross join lateral regexp_match(c.part, '^(\S+) (\S+) (.*)$') as p (words)
      where c.rollup = 'target'
    )
  );
end
$$;
comment on function proxy_private.repair_target_usage is
  'Applies the corrections to the rows by target. A row without events stays, with zeros, because '
  'where a host counts must not change within a day.';


-- Revoke everything, even if default privileges are open.
revoke all on function
  proxy_private.target_usage_drift, proxy_private.repair_target_usage
from public, anon, authenticated, service_role;
