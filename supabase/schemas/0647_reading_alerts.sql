-- Reading alerts: a user's alerts, newest first, with or without a webhook.

-- Security definer: callers may not read tables. Each query therefore checks the owner.
create function proxy_private.page_of_alerts(reference text, type text, "limit" integer, cursor text)
returns public.proxy_page
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_user();
  place record := proxy_private.decode_cursor(page_of_alerts.cursor);
  most integer := proxy_private.require_limit(coalesce(page_of_alerts."limit", 50));
  one_key uuid;
  found proxy_private.proxy_alerts[];
  answer public.proxy_page;
begin
  perform proxy_private.require_size(octet_length(page_of_alerts.type), 'type');
  if page_of_alerts.type <> all (proxy_private.alert_types()) then
    perform proxy_private.refuse('invalid_request', 'type');
  end if;
  if page_of_alerts.reference is not null then
    one_key := (proxy_private.find_own_key(page_of_alerts.reference)).id;
  end if;
  -- two queries, so that each uses its own index
  if one_key is null then
    found := array(
      select a from proxy_private.proxy_alerts as a
      where a.user_id = owner_id and (a.occurred_at, a.id) < (place.moment, place.id)
        and (page_of_alerts.type is null or a.type = page_of_alerts.type)
      order by a.occurred_at desc, a.id desc
      limit most + 1
    );
  else
    found := array(
      select a from proxy_private.proxy_alerts as a
      where a.api_key_id = one_key and a.user_id = owner_id
        and (a.occurred_at, a.id) < (place.moment, place.id)
        and (page_of_alerts.type is null or a.type = page_of_alerts.type)
      order by a.occurred_at desc, a.id desc
      limit most + 1
    );
  end if;
  select coalesce(json_agg(e), '[]') into answer.items
  from (
    select f.id, f.api_key_id, f.type, f.occurred_at, f.data
    from unnest(found[:most]) as f
  ) as e;
  if cardinality(found) > most then
    answer.next_cursor := proxy_private.encode_cursor(found[most].occurred_at, found[most].id);
  end if;
  return answer;
end
$$;
comment on function proxy_private.page_of_alerts is 'Does the work of public.list_proxy_alerts.';

create function public.list_proxy_alerts(
  id text default null, type text default null, "limit" integer default 50,
  cursor text default null
) returns public.proxy_page
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.page_of_alerts(
    list_proxy_alerts.id, list_proxy_alerts.type, list_proxy_alerts."limit",
    list_proxy_alerts.cursor
  );
end
$$;
comment on function public.list_proxy_alerts is
  'Returns the caller''s alerts of the last 90 days, newest first, of one key (uuid or keyId) or '
  'all, and of one `type` or all: `limit` (1 to 200, default 50) per page, from `cursor` on. Each '
  'has id, api_key_id, type, occurred_at and data, the payload that webhooks send, in camelCase. '
  'Refusals: unauthorized, not_found, invalid_request (detail: the argument).';


insert into proxy_private.argument_rules (argument, rule) values
  ('type', 'A type of alert, such as key.quota: docs/alerts.md lists them.');


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function proxy_private.page_of_alerts, public.list_proxy_alerts
from public, anon, authenticated, service_role;
grant execute on function proxy_private.page_of_alerts, public.list_proxy_alerts to authenticated;
