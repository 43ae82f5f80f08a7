-- Updating: what an owner may change of a key without a new secret.

-- Stricter than `cidr`, which takes 10/8 for 10.0.0.0/8, 010 for 10, which others read as 8, and a
-- mask of 2^32 for 0. Bits behind the mask are refused too, as nobody can tell what was meant, and an
-- IPv4 address in the form of IPv6, as it would match no client.
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
  -- each once, in the order in which they came
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
  'The address ranges of an array of at most 50, each an IPv4 or IPv6 address or a CIDR range; '
  'refuses (invalid_request) anything else. A repeated one is kept once.';


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
  'A time to come, or null; refuses (invalid_request) anything else.';


-- What is wanted is checked before a key is looked for.
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
  'The columns that an object of these names changes, the others null; refuses (invalid_request) '
  'another name, and a value that is none.';


-- A definer: callers may not write keys.
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

-- One argument for all changes, as null is a value of its own: it takes an expiry away.
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
  'Changes the caller''s key (uuid or keyId): of `changes` {label, allowed_ips, expires_at} what is '
  'there. allowed_ips: at most 50 addresses or CIDR ranges of clients, none for any; expires_at: a '
  'time to come, or null for never. A suspended key stays so. Refusals: unauthorized, '
  'invalid_request (detail: the field), not_found, key_deleted, rate_limited (detail: seconds to '
  'wait).';


insert into proxy_private.argument_rules (argument, rule) values
  ('changes', 'An object of the fields to change.'),
  (
    'allowed_ips',
    'At most 50 IPv4 or IPv6 addresses or CIDR ranges, with no bits behind the mask: 203.0.113.0/24, '
      'not 203.0.113.7/24.'
  ),
  ('expires_at', 'An expiry is an RFC 3339 time to come, or null.');


-- All of this is closed, then opened to those who need it: also where default privileges are open.
revoke all on function
  proxy_private.require_allowed_ips, proxy_private.require_expiry, proxy_private.require_changes,
  proxy_private.update_proxy_key, public.update_proxy_key
from public, anon, authenticated, service_role;
grant execute on function proxy_private.update_proxy_key, public.update_proxy_key to authenticated;
