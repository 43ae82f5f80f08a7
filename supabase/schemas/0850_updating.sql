-- Updating: what an owner may change about a key without rotating it.

-- Stricter than `cidr`, which reads 10/8 as 10.0.0.0/8, 010 as 10 (other parsers read 8) and a mask
-- of 2^32 as 0. Also refused are host bits, because the intended range is unclear, and IPv4-mapped
-- IPv6 addresses, because they match no client.
create function proxy_private.require_allowed_ips(ranges jsonb) returns cidr[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  octet constant text := '(0|[1-9]\d{0,2})';
  range_form constant text :=
    '^(' || octet || '(\.' || octet || '){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]*)(/' || octet || ')?$';
  allowed cidr[];
begin
  if jsonb_typeof(require_allowed_ips.ranges) <> 'array'
    or jsonb_array_length(require_allowed_ips.ranges) > 50
    or exists (
      select from jsonb_array_elements(require_allowed_ips.ranges) as r
      where jsonb_typeof(r) <> 'string'
        or r #>> '{}' !~ range_form
        or not pg_input_is_valid(r #>> '{}', 'inet')
        or not pg_input_is_valid(r #>> '{}', 'cidr')
    )
  then
    perform proxy_private.refuse('invalid_request', 'allowed_ips');
  end if;
  -- without duplicates, in the given order
  allowed := array(
    select (r.range #>> '{}')::cidr
    from jsonb_array_elements(require_allowed_ips.ranges)
      with ordinality as r (range, position)
    group by 1
    order by min(r.position)
  );
  if cidr '::ffff:0.0.0.0/96' >>= any (allowed) then
    perform proxy_private.refuse('invalid_request', 'allowed_ips');
  end if;
  return allowed;
end
$$;
comment on function proxy_private.require_allowed_ips is
  'Returns the ranges of an array of at most 50 IPv4 or IPv6 addresses or CIDR ranges, without '
  'duplicates; refuses (invalid_request) anything else.';


create function proxy_private.require_expiry(expiry jsonb) returns timestamptz
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  expires_at timestamptz;
begin
  if jsonb_typeof(require_expiry.expiry) = 'null' then
    return null;
  end if;
  if jsonb_typeof(require_expiry.expiry) <> 'string' then
    perform proxy_private.refuse('invalid_request', 'expires_at');
  end if;
  expires_at := proxy_private.require_time(require_expiry.expiry #>> '{}', 'expires_at');
  if expires_at <= clock_timestamp() then
    perform proxy_private.refuse('invalid_request', 'expires_at');
  end if;
  return expires_at;
end
$$;
comment on function proxy_private.require_expiry is
  'Returns a future time, or null; refuses (invalid_request) anything else.';


-- Called before the key is looked up, so that invalid changes are refused first.
create function proxy_private.require_changes(changes jsonb, names text[]) returns proxy_private.proxy_keys
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  wanted constant jsonb := require_changes.changes;
  unknown_name text;
  changed proxy_private.proxy_keys;
begin
  perform proxy_private.require_size(pg_column_size(wanted), 'changes');
  if jsonb_typeof(wanted) is distinct from 'object' then
    perform proxy_private.refuse('invalid_request', 'changes');
  end if;
  select left(name, 80) into unknown_name
  from jsonb_object_keys(wanted) as name
  where name <> all (require_changes.names)
  order by name
  limit 1;
  if unknown_name is not null then
    perform proxy_private.refuse('invalid_request', unknown_name);
  end if;
  if wanted ? 'label' then
    if jsonb_typeof(wanted -> 'label') <> 'string' then
      perform proxy_private.refuse('invalid_request', 'label');
    end if;
    changed.label := proxy_private.require_label(wanted ->> 'label');
  end if;
  if wanted ? 'allowed_ips' then
    changed.allowed_ips := proxy_private.require_allowed_ips(wanted -> 'allowed_ips');
  end if;
  if wanted ? 'expires_at' then
    changed.expires_at := proxy_private.require_expiry(wanted -> 'expires_at');
  end if;
  return changed;
end
$$;
comment on function proxy_private.require_changes is
  'Returns the columns that an object with these names changes, all others null; refuses '
  '(invalid_request) other names and invalid values.';


-- Security definer: callers may not write keys.
create function proxy_private.update_proxy_key(id text, changes jsonb)
returns proxy_private.key_summaries
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_writer();
  changed constant proxy_private.proxy_keys :=
    proxy_private.require_changes(update_proxy_key.changes, array['label', 'allowed_ips', 'expires_at']);
  key proxy_private.proxy_keys := proxy_private.lock_key(update_proxy_key.id, owner_id);
  summary proxy_private.key_summaries;
begin
  if key.deleted_at is not null then
    perform proxy_private.refuse('key_deleted');
  end if;
  perform proxy_private.claim_write(owner_id, 'change');
  update proxy_private.proxy_keys as k
  set
    label = coalesce(changed.label, k.label),
    allowed_ips = coalesce(changed.allowed_ips, k.allowed_ips),
    expires_at = case when update_proxy_key.changes ? 'expires_at' then changed.expires_at else k.expires_at end
  where k.id = key.id;
  select * into summary from proxy_private.key_summaries as s where s.id = key.id;
  return summary;
end
$$;
comment on function proxy_private.update_proxy_key is 'Does the work of public.update_proxy_key.';

-- One argument for all changes, because null is a value too: it removes the expiry.
create function public.update_proxy_key(id text, changes jsonb)
returns public.proxy_key_summaries
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.update_proxy_key(update_proxy_key.id, update_proxy_key.changes);
end
$$;
comment on function public.update_proxy_key is
  'Changes the fields of the caller''s key (uuid or keyId) that `changes` contains: label; '
  'allowed_ips, at most 50 addresses or CIDR ranges of clients, empty for any client; expires_at, '
  'a future time, or null for never. A suspended key stays suspended. Refusals: unauthorized, '
  'invalid_request (detail: the field), not_found, key_deleted, rate_limited (detail: seconds to '
  'wait).';


insert into proxy_private.argument_rules (argument, rule) values
  ('changes', 'An object with the fields to change.'),
  (
    'allowed_ips',
    'At most 50 IPv4 or IPv6 addresses or CIDR ranges without host bits: 203.0.113.0/24, '
      'not 203.0.113.7/24.'
  ),
  ('expires_at', 'The expiry is an RFC 3339 time in the future, or null.');


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.require_allowed_ips, proxy_private.require_expiry, proxy_private.require_changes,
  proxy_private.update_proxy_key, public.update_proxy_key
from public, anon, authenticated, service_role;
grant execute on function proxy_private.update_proxy_key, public.update_proxy_key to authenticated;
