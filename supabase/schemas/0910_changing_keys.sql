-- Changing keys: one change to up to 300 keys at once, all or none.

create type public.proxy_key_changes as (changed integer, unchanged integer);
comment on type public.proxy_key_changes is
  'How many keys a bulk change changed, and how many already were as requested.';

create type proxy_private.named_key as (place bigint, id uuid);
comment on type proxy_private.named_key is
  'An entry of a list of keys: its position, and the id of the key, or null if no such key exists.';


create function proxy_private.require_keys(ids text[], owner_id uuid) returns proxy_private.named_key[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  missing bigint;
  named proxy_private.named_key[];
begin
  perform proxy_private.require_size(pg_column_size(require_keys.ids), 'ids');
  if cardinality(require_keys.ids) between 1 and 300 is not true
    or array_position(require_keys.ids, null) is not null
  then
    perform proxy_private.refuse('invalid_request', 'ids');
  end if;
  named := array(
    select (n.place, k.id)::proxy_private.named_key
    from unnest(require_keys.ids) with ordinality as n (reference, place)
    left join lateral (
      select o.id from proxy_private.proxy_keys as o
      where o.id = proxy_private.resolve_key(n.reference) and o.user_id = require_keys.owner_id
      limit 1
    ) as k on true
    order by n.place
  );
  select min(n.place) into missing from unnest(named) as n where n.id is null;
  if missing is not null then
    perform proxy_private.refuse('not_found', 'ids.' || missing - 1);
  end if;
  return named;
end
$$;
comment on function proxy_private.require_keys is
  'Returns the user''s keys that a list of 1 to 300 uuids and keyIds names. Refuses any other list '
  '(invalid_request), and a key that does not exist or is another user''s (not_found, detail: its '
  'position, as `ids.0`).';


-- Security definer: callers may not write keys.
create function proxy_private.change_proxy_keys(ids text[], changes jsonb) returns public.proxy_key_changes
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id constant uuid := proxy_private.require_writer();
  wanted constant jsonb := change_proxy_keys.changes;
  changed constant proxy_private.proxy_keys :=
    proxy_private.require_changes(wanted, array['deleted', 'allowed_ips', 'expires_at']);
  deletes constant boolean := coalesce(wanted ? 'deleted', false);
  named proxy_private.named_key[];
  keys proxy_private.proxy_keys[];
  refused bigint;
  answer public.proxy_key_changes;
begin
  if deletes and wanted <> '{"deleted": true}' then
    perform proxy_private.refuse('invalid_request', 'deleted');
  end if;
  named := proxy_private.require_keys(change_proxy_keys.ids, owner_id);
  -- locked in one order, so that concurrent calls do not deadlock
  keys := array(
    select k from proxy_private.proxy_keys as k
    where k.id in (select n.id from unnest(named) as n) and k.user_id = owner_id
    order by k.id
    for no key update
  );
  if deletes then
    keys := array(select k from unnest(keys) as k where k.deleted_at is null);
  else
    select min(n.place) into refused
    from unnest(named) as n join unnest(keys) as k on k.id = n.id
    where k.deleted_at is not null;
    if refused is not null then
      perform proxy_private.refuse('key_deleted', 'ids.' || refused - 1);
    end if;
  end if;

  if cardinality(keys) > 0 then
    perform proxy_private.claim_write(owner_id, 'change');
  end if;
  update proxy_private.proxy_keys as k
  set
    deleted_at = case when deletes then clock_timestamp() end,
    grace_ends_at = case when not deletes then k.grace_ends_at end,
    allowed_ips = coalesce(changed.allowed_ips, k.allowed_ips),
    expires_at = case when wanted ? 'expires_at' then changed.expires_at else k.expires_at end
  where k.id in (select l.id from unnest(keys) as l)
    and (
      deletes
      or k.allowed_ips is distinct from coalesce(changed.allowed_ips, k.allowed_ips)
      or (wanted ? 'expires_at' and k.expires_at is distinct from changed.expires_at)
    );
  get diagnostics answer.changed = row_count;
  answer.unchanged :=
    (select count(distinct n.id) from unnest(named) as n) - answer.changed;
  return answer;
end
$$;
comment on function proxy_private.change_proxy_keys is 'Does the work of public.change_proxy_keys.';

create function public.change_proxy_keys(ids text[], changes jsonb) returns public.proxy_key_changes
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.change_proxy_keys(change_proxy_keys.ids, change_proxy_keys.changes);
end
$$;
comment on function public.change_proxy_keys is
  'Makes one change to 1 to 300 of the caller''s keys (uuids or keyIds), all or none: `changes` is '
  '{"deleted": true}, or has allowed_ips, expires_at or both, as in update_proxy_key. A key that '
  'is named twice counts once, and the whole change counts as one write. Refusals: unauthorized, '
  'invalid_request (detail: the argument or field), not_found and key_deleted (detail: the first '
  'refused key, as ids.0), rate_limited (detail: seconds to wait).';


insert into proxy_private.argument_rules (argument, rule) values
  ('ids', 'From 1 to 300 keys, each as a uuid or keyId.'),
  ('deleted', 'Only true, and without other changes.');


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.require_keys, proxy_private.change_proxy_keys, public.change_proxy_keys
from public, anon, authenticated, service_role;
grant execute on function proxy_private.change_proxy_keys, public.change_proxy_keys to authenticated;
