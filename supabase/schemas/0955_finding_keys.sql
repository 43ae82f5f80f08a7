-- Finding keys: admins search the keys of all users.

-- Security definer: it reads every user's keys for an admin.
create function proxy_private.find_proxy_keys(
  "limit" integer, cursor text, key_id text, "user" text, label text, active boolean, tier text,
  live_mode boolean, state text
) returns public.proxy_page
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  place record;
  most integer;
  filter proxy_private.key_filter;
  owner_id uuid;
  one_key uuid;
  -- no index has the state, so a page examines at most this many keys, even if few match
  most_looked_at constant integer := 2000;
  found proxy_private.key_summaries[];
  last_key proxy_private.key_summaries;
  answer public.proxy_page;
begin
  perform proxy_private.require_admin();
  filter := proxy_private.read_key_filter(
    find_proxy_keys.active, find_proxy_keys.tier, find_proxy_keys.live_mode, find_proxy_keys.label,
    find_proxy_keys.state
  );
  place := proxy_private.decode_cursor(find_proxy_keys.cursor);
  most := proxy_private.require_limit(coalesce(find_proxy_keys."limit", 50));
  if find_proxy_keys."user" is not null then
    owner_id := proxy_private.find_user(find_proxy_keys."user");
    if owner_id is null then
      return ('[]'::json, null)::public.proxy_page;
    end if;
  end if;
  if find_proxy_keys.key_id is not null then
    one_key := proxy_private.resolve_key(find_proxy_keys.key_id);
    if one_key is null then
      return ('[]'::json, null)::public.proxy_page;
    end if;
  end if;
  found := proxy_private.newest_keys(
    one_key, owner_id, false, filter, place.moment, place.id,
    case when filter.states is null then most + 1 else most_looked_at end
  );
  if filter.states is not null then
    if cardinality(found) = most_looked_at then
      last_key := found[most_looked_at];
    end if;
    found := array(
      select f from unnest(found) as f
      where f.state = any (filter.states)
      order by f.created_at desc, f.id desc
    );
  end if;
  if cardinality(found) > most then
    last_key := found[most];
  end if;
  -- straight to json: building jsonb takes longer than finding the page
  select coalesce(json_agg(e), '[]') into answer.items
  from (
    select f.*, (select u.email from auth.users as u where u.id = f.user_id) as email
    from unnest(found[:most]) as f
  ) as e;
  if last_key.id is not null then
    answer.next_cursor := proxy_private.encode_cursor(last_key.created_at, last_key.id);
  end if;
  return answer;
end
$$;
comment on function proxy_private.find_proxy_keys is 'Does the work of public.find_proxy_keys.';

create function public.find_proxy_keys(
  "limit" integer default 50,
  cursor text default null,
  key_id text default null,
  "user" text default null,
  label text default null,
  active boolean default null,
  tier text default null,
  live_mode boolean default null,
  state text default null
) returns public.proxy_page
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.find_proxy_keys(
    find_proxy_keys."limit", find_proxy_keys.cursor, find_proxy_keys.key_id,
    find_proxy_keys."user", find_proxy_keys.label, find_proxy_keys.active, find_proxy_keys.tier,
    find_proxy_keys.live_mode, find_proxy_keys.state
  );
end
$$;
comment on function public.find_proxy_keys is
  'For admins: the keys of all users, newest first, as proxy_key_summaries with the owner''s '
  '`email`; `limit` (1 to 200, default 50) per page, from `cursor` on. Filters: key_id (uuid or '
  'keyId), user (id or e-mail address), label (contains), active, tier, live_mode, and state (one '
  'state, or undeleted); with state, a page examines 2,000 keys, so it may be short or empty and '
  'still have a cursor. Refusals: unauthorized, forbidden, invalid_request (detail: the argument).';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.find_proxy_keys, public.find_proxy_keys
from public, anon, authenticated, service_role;
grant execute on function proxy_private.find_proxy_keys, public.find_proxy_keys to authenticated;
