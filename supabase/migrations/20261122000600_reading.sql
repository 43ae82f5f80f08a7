-- Reading: a user's keys, as the dashboard and the API show them.

create view public.proxy_key_summaries with (security_invoker = true) as
select
  k.id,
  k.key_id,
  k.user_id,
  k.label,
  k.tier,
  k.live_mode,
  case when m.month = date_trunc('month', now() at time zone 'UTC')::date
    then m.bytes_sent + m.bytes_received
    else 0
  end as bandwidth_used_this_period_bytes,
  coalesce(k.bandwidth_limit_override_bytes, t.bandwidth_limit_bytes) as bandwidth_limit_bytes,
  coalesce(k.rate_limit_override, t.rate_limit) as rate_limit,
  k.deleted_at is null and k.suspended_at is null
    and (k.expires_at is null or k.expires_at > now()) as active,
  k.allowed_ips::text[] as allowed_ips,
  m.last_used_at,
  k.created_at,
  k.rotated_at,
  case when k.grace_ends_at > now() then k.grace_ends_at end as grace_ends_at,
  k.expires_at,
  k.suspended_at,
  k.suspended_reason,
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


-- One row more than the limit tells whether there is a page after this one.
create function private.page_of_keys(
  "limit" integer, cursor text, active boolean, tier text, live_mode boolean, label text
) returns setof public.proxy_key_summaries
language plpgsql stable security invoker
set search_path = ''
as $$
declare
  place record := private.decode_cursor(page_of_keys.cursor);
  most integer := private.require_limit(page_of_keys."limit") + 1;
  wanted_tier text := private.require_tier(page_of_keys.tier);
begin
  return query
  select s.*
  from public.proxy_key_summaries as s
  where (s.created_at, s.id) < (place.moment, place.id)
    and (page_of_keys.active is null or s.active = page_of_keys.active)
    and (wanted_tier is null or s.tier = wanted_tier)
    and (page_of_keys.live_mode is null or s.live_mode = page_of_keys.live_mode)
    and (
      page_of_keys.label is null
      or pg_catalog.strpos(pg_catalog.lower(s.label), pg_catalog.lower(page_of_keys.label)) > 0
    )
  order by s.created_at desc, s.id desc
  limit most;
end
$$;
comment on function private.page_of_keys(integer, text, boolean, text, boolean, text) is
  'The caller''s keys from a cursor on, newest first, filtered: up to one more than the limit, or all '
  'for null. Refuses (invalid_request) a limit, cursor or tier that is none.';
revoke all on function private.page_of_keys(integer, text, boolean, text, boolean, text)
  from public, anon, authenticated, service_role;
grant execute on function private.page_of_keys(integer, text, boolean, text, boolean, text)
  to authenticated;


-- A table or view over the REST API is cut at `max_rows` without a word; one jsonb value is not.
create function public.list_proxy_keys(
  "limit" integer default null,
  cursor text default null,
  active boolean default null,
  tier text default null,
  live_mode boolean default null,
  label text default null
) returns public.proxy_page
language plpgsql stable security invoker
set search_path = ''
as $$
begin
  perform private.require_user();
  return private.make_page(
    (
      select pg_catalog.jsonb_agg(pg_catalog.to_jsonb(s) order by s.created_at desc, s.id desc)
      from private.page_of_keys(
        list_proxy_keys."limit", list_proxy_keys.cursor, list_proxy_keys.active,
        list_proxy_keys.tier, list_proxy_keys.live_mode, list_proxy_keys.label
      ) as s
    ),
    list_proxy_keys."limit", 'created_at', 'id'
  );
end
$$;
comment on function public.list_proxy_keys(integer, text, boolean, text, boolean, text) is
  'The caller''s keys, deleted ones too, newest first, as proxy_key_summaries: all of them, or with a '
  'limit (1 to 200) a page from `cursor` on. Filters: active, tier, live_mode, and label, which is '
  'contained in any case of letters. Refusals: unauthorized, invalid_request (detail: the argument).';
revoke all on function public.list_proxy_keys(integer, text, boolean, text, boolean, text)
  from public, anon, authenticated, service_role;
grant execute on function public.list_proxy_keys(integer, text, boolean, text, boolean, text)
  to authenticated;


create function public.get_proxy_key(id text) returns public.proxy_key_summaries
language plpgsql stable security invoker
set search_path = ''
as $$
declare
  found_id uuid := private.find_own_key(get_proxy_key.id);
  summary public.proxy_key_summaries;
begin
  select * into summary from public.proxy_key_summaries as s where s.id = found_id;
  return summary;
end
$$;
comment on function public.get_proxy_key(text) is
  'The caller''s key (uuid or keyId), deleted or not. Refusals: unauthorized, not_found.';
revoke all on function public.get_proxy_key(text) from public, anon, authenticated, service_role;
grant execute on function public.get_proxy_key(text) to authenticated;
