-- Reading where usage goes: by target and by outcome, for one key or for all keys of a user. All of
-- it comes from rollups, whose number is bounded regardless of the number of events, keys and
-- users.

create function proxy_private.require_rollup_span(
  period text, "interval" text, "from" text, "to" text,
  out step interval, out first_at timestamptz, out end_at timestamptz
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  span record;
begin
  span := proxy_private.require_span(
    require_rollup_span."interval", require_rollup_span."from", require_rollup_span."to"
  );
  step := span.step;
  first_at := span.first_at;
  end_at := span.end_at;
  if require_rollup_span.period is not null then
    if coalesce(require_rollup_span."from", require_rollup_span."to") is not null then
      perform proxy_private.refuse('invalid_request', 'period');
    end if;
    first_at := proxy_private.require_period(require_rollup_span.period);
    end_at := first_at + interval '1 month';
  end if;
  if first_at < end_at - interval '92 days' then
    perform proxy_private.refuse('invalid_request', 'from');
  end if;
end
$$;
comment on function proxy_private.require_rollup_span is
  'The whole hours or days (UTC) of a month, or that two times span, by default the last 24 hours '
  'or 30 days. Refuses (invalid_request) what proxy_private.require_span refuses, a month together '
  'with times, and a span of more than 92 days.';

create function proxy_private.require_rollup_sort(sort text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if require_rollup_sort.sort not in ('bytes', 'requests', 'errors') then
    perform proxy_private.refuse('invalid_request', 'sort');
  end if;
  return coalesce(require_rollup_sort.sort, 'bytes');
end
$$;
comment on function proxy_private.require_rollup_sort is
  'What a list is sorted by, most first; bytes by default. Refuses (invalid_request) anything '
  'except bytes, requests and errors.';


create type proxy_private.target_sum as (
  kind smallint,
  host text,
  site text,
  requests bigint,
  errors bigint,
  bytes_sent bigint,
  bytes_received bigint,
  billed_bytes bigint
);
comment on type proxy_private.target_sum is
  'The usage of a target over several days. kind: as in proxy_usage_targets. host: null for a '
  'site.';

create type proxy_private.target_reading as (
  first_at timestamptz,
  end_at timestamptz,
  items proxy_private.target_sum[],
  totals proxy_private.target_sum,
  other proxy_private.target_sum,
  unlisted proxy_private.target_sum
);
comment on type proxy_private.target_reading is
  'The targets to return, most first. totals: the sum over all targets; other: usage that is not '
  'counted by target; unlisted: the targets beyond the limit.';

-- SECURITY DEFINER: callers may not read the rollups by target.
create function proxy_private.read_targets(
  key_id text, first_at timestamptz, end_at timestamptz, by_site boolean, sort text, most integer
) returns proxy_private.target_reading
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  subject_id constant uuid := case
    when read_targets.key_id is null then proxy_private.require_user()
    else (proxy_private.find_own_key(read_targets.key_id)).id
  end;
  most_bytes constant bigint := 9007199254740991;
  reading proxy_private.target_reading;
begin
  reading.first_at := read_targets.first_at;
  reading.end_at := read_targets.end_at;
  with named as (
    select
      t.*, right(t.name, t.site_length) as site
    from proxy_private.proxy_usage_targets as t
    where t.subject = subject_id
      and t.day >= read_targets.first_at::date and t.day < read_targets.end_at::date
  ),
  summed as materialized (
    select
      -- by site, a host that has none stays a host
      case when n.kind = 2 then 2 when by_site and n.site is not null then 1 else n.kind end as kind,
      case when n.kind = 0 and not (by_site and n.site is not null) then n.name end as host,
      max(n.site) as site,
      sum(n.requests) as requests, sum(n.errors) as errors, sum(n.bytes_sent) as bytes_sent,
      sum(n.bytes_received) as bytes_received, sum(n.billed_bytes) as billed_bytes
    from named as n
    group by 1, 2, case when n.kind = 1 or by_site then n.site end
    -- leaves out what a correction has reduced to zero
    having (sum(n.requests), sum(n.errors), sum(n.bytes_sent), sum(n.bytes_received)) <> (0, 0, 0, 0)
  ),
  ranked as materialized (
    select
      s.*,
      case when s.kind < 2 then row_number() over (
        partition by s.kind = 2
        order by
          case sort
            when 'requests' then s.requests when 'errors' then s.errors
            else s.bytes_sent + s.bytes_received
          end desc,
          s.bytes_sent + s.bytes_received desc, s.host, s.site
      ) end as place
    from summed as s
  ),
  -- the largest integer that a JSON number holds exactly
  parts as (
    select
      g.part,
      (
        null, null, null,
        least(coalesce(sum(r.requests), 0), most_bytes), least(coalesce(sum(r.errors), 0), most_bytes),
        least(coalesce(sum(r.bytes_sent), 0), most_bytes),
        least(coalesce(sum(r.bytes_received), 0), most_bytes),
        least(coalesce(sum(r.billed_bytes), 0), most_bytes)
      )::proxy_private.target_sum as sums
    from (values ('totals'), ('other'), ('unlisted')) as g (part)
    left join ranked as r
      on g.part = 'totals' or (g.part = 'other' and r.kind = 2) or (g.part = 'unlisted' and r.place > most)
    group by g.part
  )
  select
    array(
      select (
        r.kind, r.host, r.site, least(r.requests, most_bytes), least(r.errors, most_bytes),
        least(r.bytes_sent, most_bytes), least(r.bytes_received, most_bytes),
        least(r.billed_bytes, most_bytes)
      )::proxy_private.target_sum
      from ranked as r where r.place <= most order by r.place
    ),
    (select p.sums from parts as p where p.part = 'totals'),
    (select p.sums from parts as p where p.part = 'other'),
    (select p.sums from parts as p where p.part = 'unlisted')
  into reading.items, reading.totals, reading.other, reading.unlisted;
  return reading;
end
$$;
comment on function proxy_private.read_targets is
  'The targets of the caller''s key, or of all of the caller''s keys for null, over whole days.';

create function proxy_private.target_figures(sums proxy_private.target_sum) returns json
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return json_build_object(
    'requests', sums.requests, 'errors', sums.errors, 'bytes_sent', sums.bytes_sent,
    'bytes_received', sums.bytes_received, 'billed_bytes', sums.billed_bytes
  );
end
$$;
comment on function proxy_private.target_figures is
  'The figures of a sum, as the API returns them.';

create function proxy_private.require_target_grouping("by" text) returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if require_target_grouping."by" not in ('host', 'site') then
    perform proxy_private.refuse('invalid_request', 'by');
  end if;
  return coalesce(require_target_grouping."by" = 'site', false);
end
$$;
comment on function proxy_private.require_target_grouping is
  'Whether targets are grouped by site; by default they are not. Refuses (invalid_request) '
  'anything except host and site.';


create type public.proxy_target_usage as (
  "from" timestamptz,
  "to" timestamptz,
  kept_from timestamptz,
  "by" text,
  sort text,
  targets json,
  totals json,
  other json,
  unlisted json
);
comment on type public.proxy_target_usage is
  'Usage per target, from `from` (included) to `to` (excluded). targets: host, site, requests, '
  'errors, bytes_sent, bytes_received and billed_bytes (the part of live keys), most first; '
  'unlisted: the targets beyond the limit; other: usage not counted by target, as a key or user '
  'had more than 1,000 hosts and 1,000 sites in a day; totals = targets + unlisted + other. '
  'kept_from: older usage is no longer kept.';

create function public.proxy_usage_targets(
  period text default null, "from" text default null, "to" text default null, key_id text default null,
  "by" text default 'host', "limit" integer default 50, sort text default 'bytes'
) returns public.proxy_target_usage
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  span record;
  reading proxy_private.target_reading;
  by_site boolean;
  answer public.proxy_target_usage;
begin
  perform proxy_private.require_user();
  span := proxy_private.require_rollup_span(
    proxy_usage_targets.period, 'day', proxy_usage_targets."from", proxy_usage_targets."to"
  );
  by_site := proxy_private.require_target_grouping(proxy_usage_targets."by");
  answer.sort := proxy_private.require_rollup_sort(proxy_usage_targets.sort);
  reading := proxy_private.read_targets(
    proxy_usage_targets.key_id, span.first_at, span.end_at, by_site, answer.sort,
    proxy_private.require_limit(coalesce(proxy_usage_targets."limit", 50))
  );
  answer."from" := reading.first_at;
  answer."to" := reading.end_at;
  answer.kept_from := proxy_private.first_kept_target_day()::timestamptz;
  answer."by" := case when by_site then 'site' else 'host' end;
  answer.totals := proxy_private.target_figures(reading.totals);
  answer.other := proxy_private.target_figures(reading.other);
  answer.unlisted := proxy_private.target_figures(reading.unlisted);
  select coalesce(
    json_agg(
      json_build_object(
        'host', i.host, 'site', i.site, 'requests', i.requests, 'errors', i.errors,
        'bytes_sent', i.bytes_sent, 'bytes_received', i.bytes_received,
        'billed_bytes', i.billed_bytes
      ) order by i.place
    ),
    '[]'
  )
  into answer.targets
  from unnest(reading.items) with ordinality
    as i (kind, host, site, requests, errors, bytes_sent, bytes_received, billed_bytes, place);
  return answer;
end
$$;
comment on function public.proxy_usage_targets is
  'The usage of the caller''s keys, or of one (uuid or keyId), per host or site, sorted by bytes, '
  'requests or errors, most first. Covers a month (YYYY-MM), or the whole days (UTC) that `from` '
  'and `to` span: by default the last 30, at most 92. Refusals: unauthorized, invalid_request '
  '(detail: the argument), not_found.';


create function public.export_proxy_usage_targets(
  period text default null, "from" text default null, "to" text default null, key_id text default null,
  "by" text default 'host', sort text default 'bytes'
) returns public.proxy_csv_part
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  span record;
  reading proxy_private.target_reading;
  part public.proxy_csv_part;
begin
  perform proxy_private.require_user();
  span := proxy_private.require_rollup_span(
    export_proxy_usage_targets.period, 'day', export_proxy_usage_targets."from",
    export_proxy_usage_targets."to"
  );
  reading := proxy_private.read_targets(
    export_proxy_usage_targets.key_id, span.first_at, span.end_at,
    proxy_private.require_target_grouping(export_proxy_usage_targets."by"),
    proxy_private.require_rollup_sort(export_proxy_usage_targets.sort),
    10000
  );
  select E'kind,host,site,requests,errors,bytesSent,bytesReceived,billedBytes\r\n' || string_agg(
    concat_ws(
      ',', l.kind, proxy_private.csv_field(coalesce(l.host, '')), proxy_private.csv_field(coalesce(l.site, '')),
      l.requests, l.errors, l.bytes_sent, l.bytes_received, l.billed_bytes
    ) || E'\r\n',
    '' order by l.place
  )
  into part.csv
  from (
    select
      case i.kind when 0 then 'host' else 'site' end as kind, i.host, i.site, i.requests, i.errors,
      i.bytes_sent, i.bytes_received, i.billed_bytes, i.place
    from unnest(reading.items) with ordinality
      as i (kind, host, site, requests, errors, bytes_sent, bytes_received, billed_bytes, place)
    union all
    select
      'unlisted', null, null, u.requests, u.errors, u.bytes_sent, u.bytes_received, u.billed_bytes,
      10001
    from (select (reading.unlisted).*) as u
    union all
    select
      'other', null, null, o.requests, o.errors, o.bytes_sent, o.bytes_received, o.billed_bytes,
      10002
    from (select (reading.other).*) as o
  ) as l;
  return part;
end
$$;
comment on function public.export_proxy_usage_targets is
  'The answer of proxy_usage_targets as CSV: the first 10,000 targets, one line for all others, '
  'and one for usage that is not counted by target. next_cursor is always null. Refusals: '
  'unauthorized, not_found, invalid_request (detail: the argument).';


insert into proxy_private.argument_rules (argument, rule) values
  ('by', 'Either host or site.'),
  (
    'sort',
    'For usage, one of bytes, requests and errors; for keys, one of created_at, label, '
      'last_used_at and used, with a leading minus for descending.'
  );


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on function
  proxy_private.require_rollup_span, proxy_private.require_rollup_sort, proxy_private.read_targets,
  proxy_private.target_figures, proxy_private.require_target_grouping, public.proxy_usage_targets,
  public.export_proxy_usage_targets
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.require_rollup_span, proxy_private.require_rollup_sort, proxy_private.read_targets,
  proxy_private.target_figures, proxy_private.require_target_grouping, public.proxy_usage_targets,
  public.export_proxy_usage_targets
to authenticated;
