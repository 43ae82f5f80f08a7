-- Reading the audit: what was done to a user's keys, grants and account limits, newest first.

-- SECURITY DEFINER: callers may not read tables. Each query therefore checks the owner.
create function proxy_private.page_of_audit(
  reference text, "limit" integer, cursor text, as_admin boolean default false
) returns public.proxy_page
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  reader_id uuid := proxy_private.require_reader(page_of_audit.as_admin);
  place record := proxy_private.decode_cursor(page_of_audit.cursor);
  most integer := proxy_private.require_limit(coalesce(page_of_audit."limit", 50));
  one_key uuid;
  found proxy_private.proxy_key_audit[];
  answer public.proxy_page;
begin
  if page_of_audit.reference is not null then
    one_key := (proxy_private.find_read_key(page_of_audit.reference, page_of_audit.as_admin)).id;
  elsif page_of_audit.as_admin then
    perform proxy_private.refuse('invalid_request', 'as_admin');
  end if;
  -- two queries, each with the index that suits it
  if one_key is null then
    found := array(
      select a from proxy_private.proxy_key_audit as a
      where a.user_id = reader_id and (a.occurred_at, a.id) < (place.moment, place.id)
      order by a.occurred_at desc, a.id desc
      limit most + 1
    );
  else
    found := array(
      select a from proxy_private.proxy_key_audit as a
      where a.api_key_id = one_key
        and (page_of_audit.as_admin or a.user_id is not distinct from reader_id)
        and (a.occurred_at, a.id) < (place.moment, place.id)
      order by a.occurred_at desc, a.id desc
      limit most + 1
    );
  end if;
  select coalesce(json_agg(e), '[]') into answer.items
  from (
    select f.id, f.api_key_id, f.tier, f.actor_id, f.action, f.changes, f.reason, f.request_id,
      f.occurred_at
    from unnest(found[:most]) as f
  ) as e;
  if cardinality(found) > most then
    answer.next_cursor := proxy_private.encode_cursor(found[most].occurred_at, found[most].id);
  end if;
  return answer;
end
$$;
comment on function proxy_private.page_of_audit is 'Does the work of public.list_proxy_key_audit.';

create function public.list_proxy_key_audit(
  id text default null, "limit" integer default 50, cursor text default null,
  as_admin boolean default false
) returns public.proxy_page
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.page_of_audit(
    list_proxy_key_audit.id, list_proxy_key_audit."limit", list_proxy_key_audit.cursor,
    list_proxy_key_audit.as_admin
  );
end
$$;
comment on function public.list_proxy_key_audit is
  'What was done to the caller''s key (uuid or keyId), or without one to all of their keys, grants '
  'and account limits, newest first: `limit` (1 to 200, default 50) from `cursor` on; with '
  'as_admin, to one key of any user, for admins. Each item has id, api_key_id, tier (of a grant or '
  'account), actor_id, action, changes, reason, request_id and occurred_at. Refusals: '
  'unauthorized, forbidden, not_found, invalid_request (detail: the argument).';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on function
  proxy_private.page_of_audit, public.list_proxy_key_audit
from public, anon, authenticated, service_role;
grant execute on function proxy_private.page_of_audit, public.list_proxy_key_audit to authenticated;
