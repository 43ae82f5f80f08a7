-- Reading events: the requests of a key, newest first, in pages or as CSV.

create type proxy_private.event_filter as (
  api_key_id uuid,
  begins_at timestamptz,
  ends_at timestamptz,
  place_at timestamptz,
  place_id uuid,
  status_code integer,
  target_host text,
  code text,
  billed boolean
);
comment on type proxy_private.event_filter is
  'Which events to read: of which key, from when to when, after which position, with which status '
  'or code, to which host. billed: whether the key''s usage is billed.';

create function proxy_private.read_event_filter(
  id text, cursor text, "from" text, "to" text, status_code integer, target_host text, code text,
  as_admin boolean default false
) returns proxy_private.event_filter
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  filter proxy_private.event_filter;
begin
  perform proxy_private.require_reader(read_event_filter.as_admin);
  filter.begins_at := coalesce(proxy_private.require_time(read_event_filter."from", 'from'), '-infinity');
  filter.ends_at := coalesce(proxy_private.require_time(read_event_filter."to", 'to'), 'infinity');
  if filter.begins_at >= filter.ends_at then
    perform proxy_private.refuse('invalid_request', 'to');
  end if;
  -- no event is more than five minutes in the future, so later partitions are skipped
  filter.ends_at := least(filter.ends_at, now() + interval '1 hour');
  if read_event_filter.status_code not between 100 and 999 then
    perform proxy_private.refuse('invalid_request', 'status_code');
  end if;
  filter.status_code := read_event_filter.status_code;
  perform proxy_private.require_size(octet_length(read_event_filter.target_host), 'target_host');
  filter.target_host := lower(read_event_filter.target_host);
  if char_length(filter.target_host) not between 1 and 255 then
    perform proxy_private.refuse('invalid_request', 'target_host');
  end if;
  perform proxy_private.require_size(octet_length(read_event_filter.code), 'code');
  if read_event_filter.code !~ '^[a-z][a-z0-9_]{0,63}$' then
    perform proxy_private.refuse('invalid_request', 'code');
  end if;
  filter.code := read_event_filter.code;
  select d.moment, d.id into filter.place_at, filter.place_id
  from proxy_private.decode_cursor(read_event_filter.cursor) as d;
  select k.id, k.live_mode into filter.api_key_id, filter.billed
  from proxy_private.find_read_key(read_event_filter.id, read_event_filter.as_admin) as k;
  return filter;
end
$$;
comment on function proxy_private.read_event_filter is
  'The filter that these arguments describe. Refusals: unauthorized, forbidden, invalid_request '
  '(detail: the argument), not_found.';


-- SECURITY DEFINER: callers may not read events. The generic plan prunes days when it starts, as
-- planning again takes longer than reading a page. Only pages within the newest two days, as most
-- are, are planned each time: for two days, planning is fast.
create function proxy_private.page_of_events(
  filter proxy_private.event_filter, skipped integer, most integer, as_admin boolean default false
) returns proxy_private.proxy_usage_events[]
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
-- reads in index order: the planner expects few events per key, and would sort them all
set enable_sort = off
as $$
declare
  reader_id uuid := proxy_private.require_reader(page_of_events.as_admin);
  recent_at timestamptz;
  recent proxy_private.proxy_usage_events[];
begin
  -- a caller may build a filter without proxy_private.read_event_filter
  perform from proxy_private.proxy_keys as k
  where k.id = (page_of_events.filter).api_key_id
    and (k.user_id = reader_id or page_of_events.as_admin);
  if not found then
    return '{}';
  end if;

  recent_at := date_trunc('day', least((page_of_events.filter).ends_at, (page_of_events.filter).place_at), 'UTC')
    - interval '1 day';
  if page_of_events.skipped = 0 and recent_at >= (page_of_events.filter).begins_at and (
    select sum(h.requests) >= page_of_events.most from proxy_private.proxy_usage_hourly as h
    where h.api_key_id = (page_of_events.filter).api_key_id
      and h.hour >= recent_at and h.hour < least((page_of_events.filter).ends_at, (page_of_events.filter).place_at)
  ) then
    execute format(
      'select array(
         select e
         from proxy_private.proxy_usage_events as e
         where e.api_key_id = ($1).api_key_id
           and e.occurred_at >= %L and e.occurred_at < %L and e.occurred_at <= %L
           and (e.occurred_at, e.event_id) < (($1).place_at, ($1).place_id)
           and (($1).status_code is null or e.status_code = ($1).status_code)
           and (($1).target_host is null or lower(e.target_host) = ($1).target_host)
           and (($1).code is null or e.code = ($1).code)
         order by e.occurred_at desc, e.event_id desc
         limit $2
       )',
      recent_at, (page_of_events.filter).ends_at, (page_of_events.filter).place_at
    )
    into recent using page_of_events.filter, page_of_events.most;
    if cardinality(recent) = page_of_events.most then
      return recent;
    end if;
  end if;

  return array(
    select e
    from proxy_private.proxy_usage_events as e
    where e.api_key_id = (page_of_events.filter).api_key_id
      and e.occurred_at >= (page_of_events.filter).begins_at
      and e.occurred_at < (page_of_events.filter).ends_at
      -- prunes days, which the row comparison does not
      and e.occurred_at <= (page_of_events.filter).place_at
      and (e.occurred_at, e.event_id)
        < ((page_of_events.filter).place_at, (page_of_events.filter).place_id)
      and ((page_of_events.filter).status_code is null
        or e.status_code = (page_of_events.filter).status_code)
      and ((page_of_events.filter).target_host is null
        or lower(e.target_host) = (page_of_events.filter).target_host)
      and ((page_of_events.filter).code is null or e.code = (page_of_events.filter).code)
    order by e.occurred_at desc, e.event_id desc
    offset page_of_events.skipped
    limit page_of_events.most
  );
end
$$;
comment on function proxy_private.page_of_events is
  'Up to `most` events of the caller that match a filter, newest first, without the first '
  '`skipped`; with as_admin, events of any user.';


-- SECURITY DEFINER: callers may not read tables.
create function proxy_private.how_to_fix(code text) returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (select o.how_to_fix from proxy_private.outcomes as o where o.outcome = how_to_fix.code);
end
$$;
comment on function proxy_private.how_to_fix is
  'What to do about the code of an event; null for a code that is not an outcome.';


create function proxy_private.require_page(page integer, "limit" integer, cursor text) returns integer
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if require_page.page < 1 or require_page.page::bigint * require_page."limit" > 10000
    or (require_page.page is not null and require_page.cursor is not null)
  then
    perform proxy_private.refuse('invalid_request', 'page');
  end if;
  return coalesce(require_page.page, 1);
end
$$;
comment on function proxy_private.require_page is
  'The number of a page, from 1. Refuses (invalid_request) a page together with a cursor, and a '
  'page beyond the first 10,000 rows, because all skipped rows must be read.';

create function public.list_proxy_key_events(
  id text,
  "limit" integer default 50,
  cursor text default null,
  page integer default null,
  "from" text default null,
  "to" text default null,
  status_code integer default null,
  target_host text default null,
  code text default null,
  as_admin boolean default false
) returns public.proxy_page
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  filter proxy_private.event_filter := proxy_private.read_event_filter(
    list_proxy_key_events.id, list_proxy_key_events.cursor, list_proxy_key_events."from",
    list_proxy_key_events."to", list_proxy_key_events.status_code,
    list_proxy_key_events.target_host, list_proxy_key_events.code,
    list_proxy_key_events.as_admin
  );
  most integer := proxy_private.require_limit(coalesce(list_proxy_key_events."limit", 50));
  page_number integer := proxy_private.require_page(
    list_proxy_key_events.page, most, list_proxy_key_events.cursor
  );
  found proxy_private.proxy_usage_events[] :=
    proxy_private.page_of_events(
      filter, (page_number - 1) * most, most + 1, list_proxy_key_events.as_admin
    );
  answer public.proxy_page;
begin
  -- directly to json: making jsonb of a page takes longer than finding it
  select coalesce(json_agg(e), '[]') into answer.items
  from (
    select
      f.event_id, f.api_key_id, f.occurred_at, f.target_host, f.method, f.status_code,
      f.bytes_sent, f.bytes_received, f.duration_ms, f.served_by_node_id, f.code, f.count,
      filter.billed,
      case when f.code is not null then proxy_private.how_to_fix(f.code) end as how_to_fix
    from unnest(found[:most]) as f
  ) as e;
  if cardinality(found) > most then
    answer.next_cursor := proxy_private.encode_cursor(found[most].occurred_at, found[most].event_id);
  end if;
  return answer;
end
$$;
comment on function public.list_proxy_key_events is
  'The usage events of the caller''s key (uuid or keyId), newest first: `limit` (1 to 200, default '
  '50) from `cursor` on, or the page of that number among the newest 10,000; with as_admin, those '
  'of any user''s key, for admins. Filters: from (included), to (excluded), status_code, '
  'target_host, code; how_to_fix: what to do about the code. Refusals: unauthorized, forbidden, '
  'not_found, invalid_request (detail: the argument).';


-- RFC 4180. A spreadsheet takes text that starts with one of these characters for a formula; no
-- host or method does.
create function proxy_private.csv_field(value text) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if csv_field.value !~ '[",\r\n]|^[=+@\t-]' then
    return csv_field.value;
  end if;
  return '"' || case when csv_field.value ~ '^[=+@\t\r-]' then '''' else '' end
    || replace(csv_field.value, '"', '""') || '"';
end
$$;
comment on function proxy_private.csv_field is
  'The text as a CSV field: quoted if necessary, and with a leading apostrophe if a spreadsheet '
  'would run it as a formula.';

create type public.proxy_csv_part as (csv text, next_cursor text);
comment on type public.proxy_csv_part is
  'Lines of CSV, and the cursor of the next part; null with the last part.';

-- In parts, so that neither the database nor the Edge Function holds more than one at a time.
create function public.export_proxy_key_events(
  id text,
  cursor text default null,
  "from" text default null,
  "to" text default null,
  status_code integer default null,
  target_host text default null,
  code text default null
) returns public.proxy_csv_part
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  most constant integer := 5000;
  filter proxy_private.event_filter := proxy_private.read_event_filter(
    export_proxy_key_events.id, export_proxy_key_events.cursor, export_proxy_key_events."from",
    export_proxy_key_events."to", export_proxy_key_events.status_code,
    export_proxy_key_events.target_host, export_proxy_key_events.code
  );
  part public.proxy_csv_part;
begin
  select
    string_agg(
      concat_ws(
        ',',
        n.event_id,
        n.api_key_id,
        to_char(n.occurred_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        proxy_private.csv_field(n.target_host),
        proxy_private.csv_field(n.method),
        n.status_code,
        n.bytes_sent,
        n.bytes_received,
        n.duration_ms,
        proxy_private.csv_field(n.served_by_node_id),
        coalesce(n.code, ''),
        n.count,
        filter.billed::text
      ) || E'\r\n',
      '' order by n.place
    ) filter (where n.place <= most),
    case when count(*) > most then proxy_private.encode_cursor(
      max(n.occurred_at) filter (where n.place = most),
      (array_agg(n.event_id) filter (where n.place = most))[1]
    ) end
  into part
  from (
    select e.*, row_number() over (order by e.occurred_at desc, e.event_id desc) as place
    from unnest(proxy_private.page_of_events(filter, 0, most + 1)) as e
  ) as n;
  part.csv := case when export_proxy_key_events.cursor is null then
      'eventId,apiKeyId,occurredAt,targetHost,method,statusCode,bytesSent,bytesReceived,durationMs,'
        || E'servedByNodeId,code,count,billed\r\n'
      else '' end
    || coalesce(part.csv, '');
  return part;
end
$$;
comment on function public.export_proxy_key_events is
  'The usage events of the caller''s key (uuid or keyId) as CSV, newest first: up to 5,000 lines '
  'from `cursor` on, with a header line before the first. The filters are those of '
  'list_proxy_key_events. Refusals: unauthorized, not_found, invalid_request (detail: the '
  'argument).';


insert into proxy_private.argument_rules (argument, rule) values
  (
    'page',
    'A page within the newest 10,000 rows, without a cursor: to go further, use a cursor instead.'
  ),
  ('status_code', 'A whole number from 100 to 999.'),
  ('target_host', 'A host has 1 to 255 characters.'),
  ('code', 'A code has lowercase letters, digits and underscores, such as rate_limited.');


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on function
  proxy_private.read_event_filter, proxy_private.page_of_events, proxy_private.how_to_fix, proxy_private.require_page,
  public.list_proxy_key_events, proxy_private.csv_field, public.export_proxy_key_events
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.read_event_filter, proxy_private.page_of_events, proxy_private.how_to_fix, proxy_private.require_page,
  public.list_proxy_key_events, proxy_private.csv_field, public.export_proxy_key_events
to authenticated;
