-- Sorting keys: how a list may be sorted, and the positions in it that cursors encode.

-- Sorts numbers by their value ("crawler 9" before "crawler 10"), regardless of case.
create collation proxy_private.by_label (provider = icu, locale = 'und-u-kn-true');
comment on collation proxy_private.by_label is 'The order of labels in a sorted list.';


create type proxy_private.key_order as (sorted_by text, descending boolean);
comment on type proxy_private.key_order is 'What keys are sorted by.';

create function proxy_private.read_key_order(sort text) returns proxy_private.key_order
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  wanted proxy_private.key_order;
begin
  wanted.sorted_by := coalesce(ltrim(left(read_key_order.sort, 1), '-') || substr(read_key_order.sort, 2), 'created_at');
  wanted.descending := coalesce(starts_with(read_key_order.sort, '-'), true);
  if wanted.sorted_by not in ('created_at', 'label', 'last_used_at', 'used') then
    perform proxy_private.refuse('invalid_request', 'sort');
  end if;
  return wanted;
end
$$;
comment on function proxy_private.read_key_order is
  'The order that the argument `sort` names, newest first for null. Refuses (invalid_request) any '
  'other value.';


create type proxy_private.key_place as (rank bigint, name text, id uuid);
comment on type proxy_private.key_place is
  'The position of a key in a sorted list. Depending on the sort, either rank or name is the same '
  'for all keys. A key that was never used comes before all that were.';

create function proxy_private.place_of(sorted_by text, key proxy_private.key_summaries) returns proxy_private.key_place
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    case place_of.sorted_by
      when 'created_at' then (extract(epoch from key.created_at) * 1000000)::bigint
      when 'last_used_at' then coalesce((extract(epoch from key.last_used_at) * 1000000)::bigint, -1)
      when 'used' then key.bandwidth_used_this_period_bytes
      else 0
    end,
    case when place_of.sorted_by = 'label' then key.label else '' end,
    key.id
  )::proxy_private.key_place;
end
$$;
comment on function proxy_private.place_of is
  'The position of a key in a list that is sorted by `sorted_by`.';


create function proxy_private.encode_key_cursor(key_order proxy_private.key_order, place proxy_private.key_place) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return rtrim(
    translate(
      encode(
        convert_to(
          json_build_array(
            key_order.sorted_by, key_order.descending, place.rank::text, place.name, place.id
          )::text,
          'UTF8'
        ),
        'base64'
      ),
      E'+/\n', '-_'
    ),
    '='
  );
end
$$;
comment on function proxy_private.encode_key_cursor is
  'The opaque cursor of a position in a list of this order: JSON in base64url.';

create function proxy_private.decode_key_cursor(key_order proxy_private.key_order, cursor text) returns proxy_private.key_place
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  named jsonb;
  place proxy_private.key_place;
begin
  if octet_length(decode_key_cursor.cursor) > 1000
    or decode_key_cursor.cursor !~ '^[A-Za-z0-9_-]+$'
  then
    perform proxy_private.refuse('invalid_request', 'cursor');
  end if;
  begin
    named := convert_from(
      decode(
        rpad(
          translate(decode_key_cursor.cursor, '-_', '+/'),
          (octet_length(decode_key_cursor.cursor) + 3) / 4 * 4, '='
        ),
        'base64'
      ),
      'UTF8'
    );
    place := (named ->> 2, named ->> 3, named ->> 4)::proxy_private.key_place;
  exception when data_exception then
    place := null;
  end;
  if (named ->> 0, named ->> 1) is distinct from (key_order.sorted_by, key_order.descending::text)
    or place.rank between -1 and 9007199254740991 is not true or place.name is null or place.id is null
  then
    perform proxy_private.refuse('invalid_request', 'cursor');
  end if;
  return place;
end
$$;
comment on function proxy_private.decode_key_cursor is
  'The position that a cursor of this order encodes. Refuses (invalid_request) a cursor of another '
  'order, and anything that encode_key_cursor cannot return.';


create function proxy_private.sort_keys(
  keys proxy_private.key_summaries[],
  key_order proxy_private.key_order,
  after proxy_private.key_place,
  most integer
) returns proxy_private.key_summaries[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return array(
    with placed as materialized (
      select k::proxy_private.key_summaries as key, proxy_private.place_of(key_order.sorted_by, k) as place
      from unnest(sort_keys.keys) as k
    ),
    -- descending is the same order, numbered from its end
    numbered as (
      select
        p.*,
        row_number() over (
          order by (p.place).rank, (p.place).name collate proxy_private.by_label, (p.place).id
        ) * case when key_order.descending then -1 else 1 end as number
      from placed as p
      where after is null or case when key_order.descending
        then ((p.place).rank, (p.place).name collate proxy_private.by_label, (p.place).id)
          < (after.rank, after.name collate proxy_private.by_label, after.id)
        else ((p.place).rank, (p.place).name collate proxy_private.by_label, (p.place).id)
          > (after.rank, after.name collate proxy_private.by_label, after.id)
      end
    )
    select n.key from numbered as n order by n.number limit most
  );
end
$$;
comment on function proxy_private.sort_keys is
  'The first `most` of these keys (all for null) in an order, starting after a position.';


-- Default privileges may grant too much: revoke all.
revoke all on function
  proxy_private.read_key_order, proxy_private.place_of, proxy_private.encode_key_cursor, proxy_private.decode_key_cursor,
  proxy_private.sort_keys
from public, anon, authenticated, service_role;
