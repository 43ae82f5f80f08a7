-- Reading: a user's keys and usage, as the dashboard and the API show them.

create view public.proxy_key_summaries with (security_invoker = true) as
select
  k.id,
  k.key_id,
  k.label,
  k.tier,
  k.live_mode,
  case when m.month = date_trunc('month', now() at time zone 'UTC')::date
    then m.bytes_sent + m.bytes_received
    else 0
  end as bandwidth_used_this_period_bytes,
  coalesce(k.bandwidth_limit_override_bytes, t.bandwidth_limit_bytes) as bandwidth_limit_bytes,
  coalesce(k.rate_limit_override, t.rate_limit) as rate_limit,
  k.deleted_at is null and k.suspended_at is null as active,
  m.last_used_at,
  k.created_at,
  k.rotated_at,
  k.suspended_at,
  k.deleted_at
from public.proxy_keys as k
join public.proxy_tiers as t on t.tier = k.tier
-- the newest month serves both columns: this period's bytes if it is this month, and the last use
left join lateral (
  select u.month, u.bytes_sent, u.bytes_received, u.last_used_at
  from public.proxy_usage_monthly as u
  where u.api_key_id = k.id and u.month <= date_trunc('month', now() at time zone 'UTC')::date
  order by u.month desc
  limit 1
) as m on true;
comment on view public.proxy_key_summaries is
  'The caller''s keys with their limits, state and usage in the current calendar month (UTC). '
  'Never a secret or hash.';
revoke all on table public.proxy_key_summaries from public, anon, authenticated, service_role;
grant select on table public.proxy_key_summaries to authenticated;


-- A table or view over the REST API is cut at `max_rows` without a word; one jsonb value is not.
create function public.list_proxy_keys() returns jsonb
language plpgsql stable security invoker
set search_path = ''
as $$
begin
  perform private.require_user();
  return (
    select coalesce(
      pg_catalog.jsonb_agg(pg_catalog.to_jsonb(s) order by s.created_at desc, s.id desc), '[]'
    )
    from public.proxy_key_summaries as s
  );
end
$$;
comment on function public.list_proxy_keys() is
  'All of the caller''s keys, deleted ones too, newest first: an array of proxy_key_summaries. '
  'Refusals: unauthorized.';
revoke all on function public.list_proxy_keys() from public, anon, authenticated, service_role;
grant execute on function public.list_proxy_keys() to authenticated;


create type public.proxy_usage_totals as (
  total_bandwidth_bytes bigint,
  total_requests bigint,
  active_keys integer,
  tier_breakdown jsonb
);
comment on type public.proxy_usage_totals is 'What a user''s keys used, and how many are active.';

create function public.proxy_usage_summary() returns public.proxy_usage_totals
language plpgsql stable security invoker
set search_path = ''
as $$
declare
  totals public.proxy_usage_totals;
begin
  perform private.require_user();
  select
    coalesce(sum(u.bytes_sent + u.bytes_received), 0), coalesce(sum(u.requests), 0)
  into totals.total_bandwidth_bytes, totals.total_requests
  from public.proxy_usage_monthly as u
  where u.month = pg_catalog.date_trunc('month', pg_catalog.now() at time zone 'UTC')::date;
  select coalesce(sum(a.keys), 0), coalesce(pg_catalog.jsonb_object_agg(a.tier, a.keys), '{}')
  into totals.active_keys, totals.tier_breakdown
  from (
    select k.tier, pg_catalog.count(*) as keys
    from public.proxy_keys as k
    where k.deleted_at is null and k.suspended_at is null
    group by k.tier
  ) as a;
  return totals;
end
$$;
comment on function public.proxy_usage_summary() is
  'The current calendar month (UTC) over all of the caller''s keys, deleted ones too: bytes in and '
  'out, CONNECTs; and the active keys, by tier. Refusals: unauthorized.';
revoke all on function public.proxy_usage_summary() from public, anon, authenticated, service_role;
grant execute on function public.proxy_usage_summary() to authenticated;
