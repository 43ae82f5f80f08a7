-- Reading: a user's keys, as the dashboard and the API show them.

create view private.key_summaries with (security_invoker = true) as
select
  k.id,
  k.key_id,
  k.user_id,
  k.label,
  k.tier,
  k.live_mode,
  case when m.month = date_trunc('month', now() at time zone 'UTC')::date
    -- what a number in JSON holds exactly
    then least(m.bytes_sent + m.bytes_received, 9007199254740991)
    else 0
  end as bandwidth_used_this_period_bytes,
  k.bandwidth_limit_bytes,
  k.rate_limit,
  k.tunnel_limit,
  k.limit_overrides,
  k.active,
  k.allowed_ips::text[] as allowed_ips,
  m.last_used_at,
  k.created_at,
  k.rotated_at,
  case when k.grace_ends_at > now() then k.grace_ends_at end as grace_ends_at,
  k.expires_at,
  k.suspended_at,
  k.suspended_reason,
  k.deleted_at
from private.key_states as k
-- the newest month serves both columns: this period's bytes if it is this month, and the last use
left join lateral (
  select u.month, u.bytes_sent, u.bytes_received, u.last_used_at
  from private.proxy_usage_monthly as u
  where u.api_key_id = k.id and u.month <= date_trunc('month', now() at time zone 'UTC')::date
  order by u.month desc
  limit 1
) as m on true;
comment on view private.key_summaries is
  'All users'' keys with their limits, state and usage in the current calendar month (UTC). Never a '
  'secret or hash.';


-- Each question with the index that suits it, and a plan that is kept: making one takes longer than
-- reading a page.
create function private.newest_keys(
  one_key uuid,
  owner_id uuid,
  only_deleted boolean,
  filter private.key_filter,
  moment timestamptz,
  id uuid,
  most integer
) returns private.key_summaries[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
-- in the order of an index: of an owner with few keys, as the planner expects them, it would sort all
set enable_sort = off
as $$
begin
  if one_key is not null then
    return array(
      select s from private.key_summaries as s
      where s.id = one_key
        and (newest_keys.owner_id is null or s.user_id = newest_keys.owner_id)
        and (s.created_at, s.id) < (newest_keys.moment, newest_keys.id)
        and (filter is null or private.fits_filter(s.active, s.tier, s.live_mode, s.label, filter))
    );
  end if;
  if owner_id is not null then
    return array(
      select s from private.key_summaries as s
      where s.user_id = newest_keys.owner_id
        and (not only_deleted or s.deleted_at is not null)
        and (s.created_at, s.id) < (newest_keys.moment, newest_keys.id)
        and (filter is null or private.fits_filter(s.active, s.tier, s.live_mode, s.label, filter))
      order by s.created_at desc, s.id desc
      limit most
    );
  end if;
  return array(
    select s from private.key_summaries as s
    where (s.created_at, s.id) < (newest_keys.moment, newest_keys.id)
      and (filter is null or private.fits_filter(s.active, s.tier, s.live_mode, s.label, filter))
    order by s.created_at desc, s.id desc
    limit most
  );
end
$$;
comment on function private.newest_keys is
  'Up to `most` keys that the filter asks for, newest first, from after a place on: one key, those of '
  'an owner (or only the deleted ones), or those of all users.';


-- Without a limit all keys that are not deleted, and deleted ones up to 2,000 in all: nobody needs
-- tens of thousands of them at a time, and the cursor leads to the rest.
-- A definer: callers may read no table. The owner is asked for in its own words.
create function private.page_of_keys(
  "limit" integer,
  cursor text,
  active boolean,
  tier text,
  live_mode boolean,
  label text,
  out keys private.key_summaries[],
  out next_cursor text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
declare
  owner_id uuid := private.require_user();
  place record := private.decode_cursor(page_of_keys.cursor, true);
  most integer := private.require_limit(page_of_keys."limit");
  filter private.key_filter := private.read_key_filter(
    page_of_keys.active, page_of_keys.tier, page_of_keys.live_mode, page_of_keys.label
  );
  tiers text[];
  undeleted private.key_summaries[] := '{}';
  last_key private.key_summaries;
begin
  if most is null then
    if not place.only_deleted then
      -- each by name, for the index of what is not deleted, which begins with the tier
      tiers := array(select t.tier from public.proxy_tiers as t);
      undeleted := array(
        select s
        from private.key_summaries as s
        where s.user_id = owner_id
          and s.deleted_at is null
          and s.tier = any (tiers)
          and (s.created_at, s.id) < (place.moment, place.id)
          and (
            filter is null
            or private.fits_filter(s.active, s.tier, s.live_mode, s.label, filter)
          )
      );
    end if;
    -- of deleted keys at least one, so that the cursor always leads on
    most := greatest(2000 - cardinality(undeleted), 1);
    place.only_deleted := true;
  end if;

  -- one more tells whether there is a page after this one
  keys := private.newest_keys(
    null, owner_id, place.only_deleted, filter, place.moment, place.id, most + 1
  );
  if cardinality(keys) > most then
    keys := keys[:most];
    last_key := keys[most];
    next_cursor := private.encode_cursor(last_key.created_at, last_key.id, place.only_deleted);
  end if;
  if cardinality(undeleted) > 0 then
    keys := array(
      select s from unnest(undeleted || keys) as s order by s.created_at desc, s.id desc
    );
  end if;
end
$$;
comment on function private.page_of_keys is
  'The caller''s keys from a cursor on, newest first, filtered, and the cursor of the page after it: '
  'up to the limit; for null those that are not deleted, and deleted ones up to 2,000 in all. '
  'Refuses (unauthorized, invalid_request) a caller who is no user, and a limit, cursor or tier that '
  'is none.';


-- A definer, with a number of rows that is always the same: so a planned count says nothing of what
-- the tables hold, and the REST API finds no relation that could be embedded.
create function private.own_key_summaries() returns setof private.key_summaries
language plpgsql stable security definer rows 100
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select k.*
  from private.page_of_keys(null, null, null, null, null, null) as p, unnest(p.keys) as k;
end
$$;
comment on function private.own_key_summaries is
  'The keys that public.list_proxy_keys answers without arguments. Refusals: unauthorized.';

create view public.proxy_key_summaries with (security_invoker = true) as
select * from private.own_key_summaries();
comment on view public.proxy_key_summaries is
  'The caller''s keys with their limits, state and usage in the current calendar month (UTC): those '
  'that list_proxy_keys answers without arguments. Never a secret or hash.';

-- Without a trigger Postgres refuses a write as one that cannot be done (55000, an internal error
-- over HTTP); with one, as one that is not allowed.
create trigger keep_summaries instead of insert or update or delete on public.proxy_key_summaries
  for each row execute function private.refuse_change();


-- A table or view over the REST API is cut at `max_rows` without a word; one json value is not.
create function public.list_proxy_keys(
  "limit" integer default null,
  cursor text default null,
  active boolean default null,
  tier text default null,
  live_mode boolean default null,
  label text default null
) returns public.proxy_page
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  page record := private.page_of_keys(
    list_proxy_keys."limit", list_proxy_keys.cursor, list_proxy_keys.active,
    list_proxy_keys.tier, list_proxy_keys.live_mode, list_proxy_keys.label
  );
begin
  return (to_json(page.keys), page.next_cursor)::public.proxy_page;
end
$$;
comment on function public.list_proxy_keys is
  'The caller''s keys, newest first, as proxy_key_summaries: with a limit (1 to 200) a page from '
  '`cursor` on; without one all that are not deleted, and deleted ones up to 2,000 in all, with the '
  'cursor of the rest. Filters: active, tier, live_mode, and label, which is contained in any case '
  'of letters. Refusals: unauthorized, invalid_request (detail: the argument).';


-- A definer: callers may read no table.
create function private.own_key_summary(reference text) returns private.key_summaries
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  found_id uuid := (private.find_own_key(own_key_summary.reference)).id;
  summary private.key_summaries;
begin
  select * into summary from private.key_summaries as s where s.id = found_id;
  return summary;
end
$$;
comment on function private.own_key_summary is 'Does the work of public.get_proxy_key.';

create function public.get_proxy_key(id text) returns public.proxy_key_summaries
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return private.own_key_summary(get_proxy_key.id);
end
$$;
comment on function public.get_proxy_key is
  'The caller''s key (uuid or keyId), deleted or not. Refusals: unauthorized, not_found.';


-- All of this is closed, then opened to those who need it: also where default privileges are open.
revoke all on table
  private.key_summaries, public.proxy_key_summaries
from public, anon, authenticated, service_role;
revoke all on function
  private.newest_keys, private.page_of_keys, private.own_key_summaries, public.list_proxy_keys,
  private.own_key_summary, public.get_proxy_key
from public, anon, authenticated, service_role;
grant select on table public.proxy_key_summaries to authenticated;
grant execute on function
  private.page_of_keys, private.own_key_summaries, public.list_proxy_keys,
  private.own_key_summary, public.get_proxy_key
to authenticated;
