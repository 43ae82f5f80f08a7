-- Listing keys: a user's keys in pages, filtered and sorted, as the dashboard and the API show
-- them.

-- An index provides the order by age. A list in any other order, or of any state except deleted, is
-- computed from the undeleted keys, of which a tier allows a hundred, and the newest deleted ones,
-- up to 2,000 in all.
create function proxy_private.sorted_keys(
  owner_id uuid, filter proxy_private.key_filter, key_order proxy_private.key_order, after proxy_private.key_place, most integer
) returns proxy_private.key_summaries[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  last_id constant uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  keys proxy_private.key_summaries[] := '{}';
begin
  if filter.states is distinct from array['deleted'] then
    keys := proxy_private.undeleted_keys(sorted_keys.owner_id, filter, 'infinity', last_id);
  end if;
  if filter.states is null or filter.states = array['deleted'] then
    keys := keys || proxy_private.newest_keys(
      null, sorted_keys.owner_id, true, filter, 'infinity', last_id,
      greatest(2000 - cardinality(keys), 0)
    );
  end if;
  return proxy_private.sort_keys(keys, sorted_keys.key_order, sorted_keys.after, sorted_keys.most);
end
$$;
comment on function proxy_private.sorted_keys is
  'The first `most` (all for null) of an owner''s keys that match the filter, starting after a '
  'position.';


-- Without a limit, returns all undeleted keys, and deleted ones up to 2,000 in all; the cursor
-- leads to the rest. SECURITY DEFINER: callers may not read tables. Each query therefore checks the
-- owner.
create function proxy_private.page_of_keys(
  "limit" integer,
  cursor text,
  active boolean,
  tier text,
  live_mode boolean,
  label text,
  state text default null,
  search text default null,
  sort text default null,
  out keys proxy_private.key_summaries[],
  out next_cursor text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id constant uuid := proxy_private.require_user();
  key_order constant proxy_private.key_order := proxy_private.read_key_order(page_of_keys.sort);
  newest_first constant boolean := key_order.sorted_by = 'created_at' and key_order.descending;
  place record := proxy_private.decode_cursor(case when newest_first then page_of_keys.cursor end, true);
  after proxy_private.key_place;
  most integer;
  filter proxy_private.key_filter;
  only_deleted boolean;
  undeleted proxy_private.key_summaries[] := '{}';
  last_key proxy_private.key_summaries;
begin
  if not newest_first and page_of_keys.cursor is not null then
    after := proxy_private.decode_key_cursor(key_order, page_of_keys.cursor);
  end if;
  most := proxy_private.require_limit(page_of_keys."limit");
  filter := proxy_private.read_key_filter(
    page_of_keys.active, page_of_keys.tier, page_of_keys.live_mode, page_of_keys.label,
    page_of_keys.state, page_of_keys.search
  );
  only_deleted := coalesce(filter.states = array['deleted'], false);

  -- each query reads one more key, which shows whether another page follows
  if key_order.sorted_by <> 'created_at' or (filter.states is not null and not only_deleted) then
    if newest_first and page_of_keys.cursor is not null then
      after := ((extract(epoch from place.moment) * 1000000)::bigint, '', place.id);
    end if;
    keys := proxy_private.sorted_keys(owner_id, filter, key_order, after, most + 1);
  elsif newest_first then
    if most is null then
      if not place.only_deleted and not only_deleted then
        undeleted := proxy_private.undeleted_keys(owner_id, filter, place.moment, place.id);
      end if;
      -- at least one deleted key, so that the cursor always advances
      most := greatest(2000 - cardinality(undeleted), 1);
      place.only_deleted := true;
    end if;
    keys := proxy_private.newest_keys(
      null, owner_id, only_deleted or place.only_deleted, filter, place.moment, place.id, most + 1
    );
  else
    most := coalesce(most, 2000);
    keys := proxy_private.oldest_keys(owner_id, only_deleted, filter, after, most + 1);
  end if;

  if cardinality(keys) > most then
    keys := keys[:most];
    last_key := keys[most];
    next_cursor := case when newest_first
      then proxy_private.encode_cursor(last_key.created_at, last_key.id, place.only_deleted)
      else proxy_private.encode_key_cursor(key_order, proxy_private.place_of(key_order.sorted_by, last_key))
    end;
  end if;
  if cardinality(undeleted) > 0 then
    keys := array(
      select s from unnest(undeleted || keys) as s order by s.created_at desc, s.id desc
    );
  end if;
end
$$;
comment on function proxy_private.page_of_keys is
  'The caller''s keys from a cursor on, filtered and sorted (newest first for null), and the '
  'cursor of the next page. Without a limit, returns all undeleted keys, and deleted ones up to '
  '2,000 in all. Refusals: unauthorized, invalid_request (detail: the argument).';


-- SECURITY DEFINER with a fixed row estimate: a planned count reveals nothing about the tables, and
-- the REST API finds no relation to embed.
create function proxy_private.own_key_summaries() returns setof proxy_private.key_summaries
language plpgsql stable security definer rows 100
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select k.*
  from proxy_private.page_of_keys(null, null, null, null, null, null) as p, unnest(p.keys) as k;
end
$$;
comment on function proxy_private.own_key_summaries is
  'The keys that public.list_proxy_keys returns without arguments. Refusals: unauthorized.';

create view public.proxy_key_summaries with (security_invoker = true) as
select * from proxy_private.own_key_summaries();
comment on view public.proxy_key_summaries is
  'The caller''s keys with their limits, state and usage in the current calendar month (UTC), as '
  'list_proxy_keys returns them without arguments. Never contains a secret or hash.';

-- Without this trigger, Postgres refuses a write as impossible (55000, an internal error over
-- HTTP); with it, the write is refused as not allowed.
create trigger keep_summaries instead of insert or update or delete on public.proxy_key_summaries
  for each row execute function proxy_private.refuse_change();


-- The REST API silently cuts a table or view at `max_rows`, but not a single json value.
create function public.list_proxy_keys(
  "limit" integer default null,
  cursor text default null,
  active boolean default null,
  tier text default null,
  live_mode boolean default null,
  label text default null,
  state text default null,
  search text default null,
  sort text default null
) returns public.proxy_page
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  page record := proxy_private.page_of_keys(
    list_proxy_keys."limit", list_proxy_keys.cursor, list_proxy_keys.active,
    list_proxy_keys.tier, list_proxy_keys.live_mode, list_proxy_keys.label, list_proxy_keys.state,
    list_proxy_keys.search, list_proxy_keys.sort
  );
begin
  return (to_json(page.keys), page.next_cursor)::public.proxy_page;
end
$$;
comment on function public.list_proxy_keys is
  'The caller''s keys as in proxy_key_summaries: a page of `limit` (1 to 200) from `cursor` on, or '
  'without a limit all undeleted keys, and deleted ones up to 2,000 in all. Filters: active, tier, '
  'live_mode, label (a part of the label, in any case), search (a part of the label or keyId) and '
  'state (undeleted: all except deleted); sort: created_at, label, last_used_at or used (this '
  'month''s bytes), with a leading minus for descending, by default -created_at. Refusals: '
  'unauthorized, invalid_request (detail: the argument).';


-- SECURITY DEFINER: callers may not read tables.
create function proxy_private.own_key_summary(reference text) returns proxy_private.key_summaries
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  found_id uuid := (proxy_private.find_own_key(own_key_summary.reference)).id;
  summary proxy_private.key_summaries;
begin
  select * into summary from proxy_private.key_summaries as s where s.id = found_id;
  return summary;
end
$$;
comment on function proxy_private.own_key_summary is 'Does the work of public.get_proxy_key.';

create function public.get_proxy_key(id text) returns public.proxy_key_summaries
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.own_key_summary(get_proxy_key.id);
end
$$;
comment on function public.get_proxy_key is
  'The caller''s key with this uuid or keyId, even if deleted. Refusals: unauthorized, not_found.';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on table public.proxy_key_summaries from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.sorted_keys, proxy_private.page_of_keys, proxy_private.own_key_summaries, public.list_proxy_keys,
  proxy_private.own_key_summary, public.get_proxy_key
from public, anon, authenticated, service_role;
grant select on table public.proxy_key_summaries to authenticated;
grant execute on function
  proxy_private.page_of_keys, proxy_private.own_key_summaries, public.list_proxy_keys,
  proxy_private.own_key_summary, public.get_proxy_key
to authenticated;
