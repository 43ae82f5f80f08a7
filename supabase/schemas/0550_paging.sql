-- Paging: how lists are split into pages, and how arguments that name a position or a time are
-- read.

create type public.proxy_page as (items json, next_cursor text);
comment on type public.proxy_page is
  'A page of a list, and the cursor of the next page; null on the last page.';


-- A cursor is the position of a page's last row, not an offset, so rows that are inserted meanwhile
-- shift nothing. 24 bytes are 32 characters of base64url, without padding.
create function proxy_private.encode_place(rank bigint, id uuid) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return translate(
    encode(int8send(encode_place.rank) || uuid_send(encode_place.id), 'base64'), '+/', '-_'
  );
end
$$;
comment on function proxy_private.encode_place is
  'The opaque cursor of a position in a list that is sorted by a number and an id: 8 bytes of the '
  'number and 16 of the id, in base64url.';

create function proxy_private.decode_place(cursor text, most bigint, out rank bigint, out id uuid)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  bytes bytea;
begin
  if octet_length(decode_place.cursor) <> 32 or decode_place.cursor !~ '^[A-Za-z0-9_-]+$' then
    perform proxy_private.refuse('invalid_request', 'cursor');
  end if;
  bytes := decode(translate(decode_place.cursor, '-_', '+/'), 'base64');
  rank := ('x' || encode(substring(bytes from 1 for 8), 'hex'))::bit(64)::bigint;
  if rank not between 0 and decode_place.most then
    perform proxy_private.refuse('invalid_request', 'cursor');
  end if;
  id := encode(substring(bytes from 9 for 16), 'hex')::uuid;
end
$$;
comment on function proxy_private.decode_place is
  'The position that a cursor encodes; null for null. Refuses (invalid_request) anything that '
  'encode_place cannot return for a number from 0 to `most`.';


-- Times until 2100 leave bits free. One of them marks a list that continues with deleted keys only.
create function proxy_private.encode_cursor(
  moment timestamptz, id uuid, only_deleted boolean default false
) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.encode_place(
    (extract(epoch from encode_cursor.moment) * 1000000)::bigint
      | case when encode_cursor.only_deleted then 1::bigint << 60 else 0 end,
    encode_cursor.id
  );
end
$$;
comment on function proxy_private.encode_cursor is
  'The opaque cursor of a position in a list that is sorted by a time, in microseconds since 1970, '
  'and an id. only_deleted: the list continues with deleted keys only.';


create function proxy_private.decode_cursor(
  cursor text,
  of_keys boolean default false,
  out moment timestamptz,
  out id uuid,
  out only_deleted boolean
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  deleted_mark constant bigint := 1::bigint << 60;
  -- the year 2100: a forged cursor must not exceed the range of a time
  most_microseconds constant bigint := 4102444800000000;
  place record;
begin
  only_deleted := false;
  if decode_cursor.cursor is null then
    moment := 'infinity';
    id := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    return;
  end if;
  place := proxy_private.decode_place(
    decode_cursor.cursor,
    case when decode_cursor.of_keys then deleted_mark else 0 end + most_microseconds
  );
  if place.rank >= deleted_mark then
    only_deleted := true;
    place.rank := place.rank - deleted_mark;
  end if;
  if place.rank > most_microseconds then
    perform proxy_private.refuse('invalid_request', 'cursor');
  end if;
  moment := timestamptz 'epoch' + place.rank * interval '1 microsecond';
  id := place.id;
end
$$;
comment on function proxy_private.decode_cursor is
  'The position that a cursor encodes; for null, the one before the first row. only_deleted can be '
  'true only for a list of_keys. Refuses (invalid_request) anything that encode_cursor cannot '
  'return.';


create function proxy_private.make_page(items jsonb, most integer, moment text, id text)
returns public.proxy_page
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  last_item jsonb := make_page.items -> (make_page.most - 1);
begin
  if jsonb_array_length(make_page.items) > make_page.most then
    return (
      (make_page.items - make_page.most)::json,
      proxy_private.encode_cursor(
        (last_item ->> make_page.moment)::timestamptz, (last_item ->> make_page.id)::uuid
      )
    )::public.proxy_page;
  end if;
  return (coalesce(make_page.items, '[]')::json, null)::public.proxy_page;
end
$$;
comment on function proxy_private.make_page is
  'A page of `most` items, or of all items for null. One more item in `items` shows that another '
  'page follows. `moment` and `id` name the fields that the list is sorted by.';


create function proxy_private.require_limit("limit" integer) returns integer
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if require_limit."limit" not between 1 and 200 then
    perform proxy_private.refuse('invalid_request', 'limit');
  end if;
  return require_limit."limit";
end
$$;
comment on function proxy_private.require_limit is
  'The number of rows of a page, or null for all. Refuses (invalid_request) a number outside 1 to '
  '200.';


create function proxy_private.require_tier(tier text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if require_tier.tier is not null and not exists (
    select from public.proxy_tiers as t where t.tier = require_tier.tier
  ) then
    perform proxy_private.refuse('invalid_request', 'tier');
  end if;
  return require_tier.tier;
end
$$;
comment on function proxy_private.require_tier is
  'The tier, or null. Refuses (invalid_request) a tier that does not exist.';


-- Requires a full RFC 3339 time: Postgres would also accept 'tomorrow', and a time without its zone
-- is ambiguous.
create function proxy_private.require_time(value text, name text) returns timestamptz
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  moment timestamptz;
begin
  if require_time.value is null then
    return null;
  end if;
  -- check the size first
  if octet_length(require_time.value) > 40 then
    perform proxy_private.refuse('invalid_request', require_time.name);
  end if;
  if require_time.value
      !~ '^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d{2}:\d{2})$'
    or not pg_input_is_valid(require_time.value, 'timestamptz')
  then
    perform proxy_private.refuse('invalid_request', require_time.name);
  end if;
  moment := require_time.value::timestamptz;
  if moment not between timestamptz '2000-01-01 00:00Z' and timestamptz '2100-01-01 00:00Z' then
    perform proxy_private.refuse('invalid_request', require_time.name);
  end if;
  return moment;
end
$$;
comment on function proxy_private.require_time is
  'The RFC 3339 time in the argument `name`, or null. Refuses (invalid_request) any other text, '
  'and a time outside this century.';


create function proxy_private.require_period(period text) returns date
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  this_month date := date_trunc('month', now() at time zone 'UTC')::date;
  month date;
begin
  if require_period.period is null then
    return this_month;
  end if;
  if octet_length(require_period.period) <> 7 then
    perform proxy_private.refuse('invalid_request', 'period');
  end if;
  if require_period.period !~ '^\d{4}-(0[1-9]|1[0-2])$' or require_period.period < '0001' then
    perform proxy_private.refuse('invalid_request', 'period');
  end if;
  month := (require_period.period || '-01')::date;
  if month > this_month or month < this_month - interval '13 months' then
    perform proxy_private.refuse('invalid_request', 'period');
  end if;
  return month;
end
$$;
comment on function proxy_private.require_period is
  'The first day of a month given as YYYY-MM, or of this month for null. Refuses (invalid_request) '
  'any other text, a future month, and a month more than 13 months back.';


create function proxy_private.key_state_names() returns text[]
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return array['active', 'quota_used_up', 'suspended', 'expired', 'owner_barred', 'deleted'];
end
$$;
comment on function proxy_private.key_state_names is
  'Every state of a key, as in proxy_private.key_summaries.';

create type proxy_private.key_filter as (
  active boolean, tier text, live_mode boolean, label text, search text, states text[]
);
comment on type proxy_private.key_filter is
  'Which keys to list; a null field matches any key. `label` is what the label must contain, '
  '`search` what the label or keyId must contain, both in lower case.';

create function proxy_private.read_key_filter(
  active boolean, tier text, live_mode boolean, label text, state text default null,
  search text default null
) returns proxy_private.key_filter
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  states constant text[] := proxy_private.key_state_names();
begin
  perform proxy_private.require_size(octet_length(read_key_filter.label), 'label');
  perform proxy_private.require_size(octet_length(read_key_filter.search), 'search');
  if read_key_filter.state <> all (states || 'undeleted'::text) then
    perform proxy_private.refuse('invalid_request', 'state');
  end if;
  return (
    read_key_filter.active, proxy_private.require_tier(read_key_filter.tier), read_key_filter.live_mode,
    lower(read_key_filter.label), lower(read_key_filter.search),
    case when read_key_filter.state = 'undeleted' then array_remove(states, 'deleted')
      when read_key_filter.state is not null then array[read_key_filter.state] end
  )::proxy_private.key_filter;
end
$$;
comment on function proxy_private.read_key_filter is
  'The filter that these arguments describe. Refuses (invalid_request) an unknown tier or state, '
  'and a label or search of more than 16,384 bytes.';


-- Takes columns, not the row: a scan can then skip a key before it looks up the key's usage, which
-- only the state needs.
create function proxy_private.fits_filter(
  active boolean, tier text, live_mode boolean, label text, key_id text, filter proxy_private.key_filter
) returns boolean
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (filter.active is null or fits_filter.active = filter.active)
    and (filter.tier is null or fits_filter.tier = filter.tier)
    and (filter.live_mode is null or fits_filter.live_mode = filter.live_mode)
    and (filter.label is null or strpos(lower(fits_filter.label), filter.label) > 0)
    and (
      filter.search is null or strpos(lower(fits_filter.label), filter.search) > 0
      or strpos(fits_filter.key_id, filter.search) > 0
    );
end
$$;
comment on function proxy_private.fits_filter is
  'Whether a key with these columns matches the filter, apart from its state.';


-- SECURITY DEFINER: callers may not read tables.
create function proxy_private.find_own_key(reference text, out id uuid, out live_mode boolean)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_user();
  named_id uuid := proxy_private.resolve_key(find_own_key.reference);
begin
  select k.id, k.live_mode into id, live_mode
  from proxy_private.proxy_keys as k where k.id = named_id and k.user_id = owner_id;
  if not found then
    perform proxy_private.refuse('not_found');
  end if;
end
$$;
comment on function proxy_private.find_own_key is
  'The id and mode of the caller''s key that a uuid or keyId names. Refuses (not_found) any other '
  'key, including those of other users.';


-- SECURITY DEFINER: callers may not read accounts.
create function proxy_private.require_reader(as_admin boolean) returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return case when require_reader.as_admin then proxy_private.require_admin() else proxy_private.require_user() end;
end
$$;
comment on function proxy_private.require_reader is
  'The caller''s id. Refuses a caller who is not a user (unauthorized) or, with as_admin, not an '
  'admin (forbidden).';


-- SECURITY DEFINER: callers may not read tables.
create function proxy_private.find_read_key(
  reference text, as_admin boolean, out id uuid, out live_mode boolean
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  named_id uuid;
begin
  if as_admin is not true then
    select k.id, k.live_mode into id, live_mode
    from proxy_private.find_own_key(find_read_key.reference) as k;
    return;
  end if;
  perform proxy_private.require_admin();
  named_id := proxy_private.resolve_key(find_read_key.reference);
  select k.id, k.live_mode into id, live_mode from proxy_private.proxy_keys as k where k.id = named_id;
  if not found then
    perform proxy_private.refuse('not_found');
  end if;
end
$$;
comment on function proxy_private.find_read_key is
  'Like proxy_private.find_own_key; with as_admin, finds the key of any user, for admins only.';


insert into proxy_private.argument_rules (argument, rule) values
  ('as_admin', 'Valid only for a single key: name the key.'),
  ('cursor', 'Not a valid cursor: start without one.'),
  ('limit', 'A whole number from 1 to 200.'),
  ('tier', 'No such tier exists.'),
  (
    'state',
    'One of active, quota_used_up, suspended, expired, owner_barred and deleted, or undeleted for '
      'all except deleted.'
  ),
  ('period', 'A month as YYYY-MM: this month or up to 13 back, without `from` and `to`.');


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on function
  proxy_private.encode_place, proxy_private.decode_place, proxy_private.encode_cursor, proxy_private.decode_cursor,
  proxy_private.make_page, proxy_private.require_limit,
  proxy_private.require_tier, proxy_private.require_time, proxy_private.require_period,
  proxy_private.key_state_names, proxy_private.read_key_filter, proxy_private.fits_filter, proxy_private.find_own_key,
  proxy_private.require_reader, proxy_private.find_read_key
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.encode_place, proxy_private.decode_place, proxy_private.encode_cursor, proxy_private.decode_cursor,
  proxy_private.make_page, proxy_private.require_limit,
  proxy_private.require_tier, proxy_private.require_time, proxy_private.require_period, proxy_private.find_own_key,
  proxy_private.require_reader, proxy_private.find_read_key
to authenticated;
