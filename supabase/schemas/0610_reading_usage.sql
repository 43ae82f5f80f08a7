-- Reading usage: a user's usage in a month, by key, and over time. All of it comes from the
-- rollups, so its cost does not depend on the number of events. Sums over all keys come from the
-- rollups by account, so their cost does not depend on the number of keys.

create type public.proxy_usage_totals as (
  period text,
  total_bandwidth_bytes bigint,
  total_requests bigint,
  active_keys integer,
  tier_breakdown jsonb
);
comment on type public.proxy_usage_totals is
  'What a user''s keys used in a calendar month (UTC), and how many are active now.';

-- SECURITY DEFINER: callers may not read keys.
create function proxy_private.count_active_keys() returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_user();
begin
  return (
    select coalesce(jsonb_object_agg(t.tier, a.keys) filter (where a.keys > 0), '{}')
    from public.proxy_tiers as t
    -- uses the index of undeleted keys, whose number the tier limits
    cross join lateral (
      select count(*) as keys
      from proxy_private.key_states as k
      where k.tier = t.tier and k.user_id = owner_id and k.deleted_at is null and k.active
    ) as a
  );
end
$$;
comment on function proxy_private.count_active_keys is
  'How many of the caller''s keys are active now, by tier. Refusals: unauthorized.';

create function public.proxy_usage_summary(period text default null)
returns public.proxy_usage_totals
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  wanted_month date;
  totals public.proxy_usage_totals;
begin
  perform proxy_private.require_user();
  wanted_month := proxy_private.require_period(proxy_usage_summary.period);
  totals.period := to_char(wanted_month, 'YYYY-MM');
  select
    -- the largest integer that a JSON number holds exactly
    least(coalesce(sum(u.bytes_sent + u.bytes_received), 0), 9007199254740991),
    coalesce(sum(u.requests), 0)
  into totals.total_bandwidth_bytes, totals.total_requests
  from proxy_private.proxy_account_monthly as u
  where u.month = wanted_month;
  totals.tier_breakdown := proxy_private.count_active_keys();
  select coalesce(sum(a.value::integer), 0) into totals.active_keys
  from jsonb_each_text(totals.tier_breakdown) as a;
  return totals;
end
$$;
comment on function public.proxy_usage_summary is
  'The usage of all of the caller''s keys, including deleted ones, in a calendar month (UTC; '
  'YYYY-MM, default this month, up to 13 back): bytes in and out, and requests. Also the number of '
  'keys that are active now, by tier. Refusals: unauthorized, invalid_request (detail: period).';


create function public.proxy_usage_by_key(
  period text default null,
  "limit" integer default null,
  cursor text default null,
  active boolean default null,
  tier text default null,
  live_mode boolean default null,
  label text default null,
  sort text default null
) returns public.proxy_page
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  sorted constant boolean := proxy_usage_by_key.sort is not null;
  wanted_month date;
  most integer;
  page record;
  answer public.proxy_page;
begin
  perform proxy_private.require_user();
  wanted_month := proxy_private.require_period(proxy_usage_by_key.period);
  if proxy_usage_by_key.sort not in ('bytes', 'requests') then
    perform proxy_private.refuse('invalid_request', 'sort');
  end if;
  if sorted and proxy_usage_by_key.cursor is not null then
    perform proxy_private.refuse('invalid_request', 'cursor');
  end if;
  most := proxy_private.require_limit(proxy_usage_by_key."limit");
  -- a sort needs all keys
  page := proxy_private.page_of_keys(
    case when not sorted then most end, proxy_usage_by_key.cursor, proxy_usage_by_key.active,
    proxy_usage_by_key.tier, proxy_usage_by_key.live_mode, proxy_usage_by_key.label
  );
  select
    coalesce(
      json_agg(
        json_build_object(
          'id', k.id,
          'key_id', k.key_id,
          'label', k.label,
          'tier', k.tier,
          'live_mode', k.live_mode,
          'active', k.active,
          'created_at', k.created_at,
          'billed', k.live_mode,
          'requests', k.requests,
          'bytes_sent', k.bytes_sent,
          'bytes_received', k.bytes_received,
          'last_used_at', k.used_at
        ) order by k.place desc, k.created_at desc, k.id desc
      ),
      '[]'
    )
  into answer.items
  from (
    select
      p.id, p.key_id, p.label, p.tier, p.live_mode, p.active, p.created_at,
      coalesce(u.requests, 0) as requests,
      coalesce(u.bytes_sent, 0) as bytes_sent,
      coalesce(u.bytes_received, 0) as bytes_received,
      u.last_used_at as used_at,
      case proxy_usage_by_key.sort
        when 'bytes' then u.bytes_sent + u.bytes_received when 'requests' then u.requests else 0
      end as place
    from unnest(page.keys) as p
    left join proxy_private.proxy_usage_monthly as u on u.api_key_id = p.id and u.month = wanted_month
    -- a sorted list leaves out keys without usage
    where not sorted or u.api_key_id is not null
    order by place desc, p.created_at desc, p.id desc
    limit case when sorted then coalesce(most, 50) end
  ) as k;
  answer.next_cursor := case when not sorted then page.next_cursor end;
  return answer;
end
$$;
comment on function public.proxy_usage_by_key is
  'The caller''s keys with their usage and last use in a calendar month (UTC; YYYY-MM, default '
  'this month, up to 13 back), newest key first, with the pages and filters of list_proxy_keys; a '
  'test key''s usage is not `billed`. With a sort (bytes or requests), only the `limit` (default '
  '50) keys that used the most, of all that list_proxy_keys returns without a limit. Refusals: '
  'unauthorized, invalid_request (detail: the argument).';


create type public.proxy_usage_timeline as (
  "interval" text,
  "from" timestamptz,
  "to" timestamptz,
  points json
);
comment on type public.proxy_usage_timeline is
  'Usage by hour or day (UTC), from `from` (included) to `to` (excluded). points: start, requests, '
  'bytes_sent, bytes_received and billed_bytes (the part of live keys), for each hour or day, even '
  'without usage.';

create function proxy_private.require_span(
  "interval" text, "from" text, "to" text, out step interval, out first_at timestamptz, out end_at timestamptz
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  begins timestamptz;
  ends timestamptz;
begin
  if require_span."interval" is null or require_span."interval" not in ('hour', 'day') then
    perform proxy_private.refuse('invalid_request', 'interval');
  end if;
  step := ('1 ' || require_span."interval")::interval;
  begins := proxy_private.require_time(require_span."from", 'from');
  ends := coalesce(proxy_private.require_time(require_span."to", 'to'), now());
  if begins >= ends then
    perform proxy_private.refuse('invalid_request', 'to');
  end if;
  -- the end of the hour or day that contains the time, or the time itself if it is such an end
  end_at := date_trunc(require_span."interval", ends + step - interval '1 microsecond');
  first_at := date_trunc(
    require_span."interval",
    coalesce(
      begins,
      end_at - case when step = interval '1 hour' then interval '24 hours' else interval '30 days' end
    )
  );
  if first_at + 1000 * step < end_at then
    perform proxy_private.refuse('invalid_request', 'from');
  end if;
end
$$;
comment on function proxy_private.require_span is
  'The whole hours or days (UTC) that two times span, by default the last 24 hours or 30 days. '
  'Refuses (invalid_request) an invalid time or interval, an empty span, and a span of more than '
  '1,000 hours or days.';

-- SECURITY DEFINER: row-level security shows callers only their own usage.
create function proxy_private.hours_of_any_key(api_key_id uuid, first_at timestamptz, end_at timestamptz)
returns setof proxy_private.proxy_usage_hourly
language plpgsql stable security definer rows 100
set search_path = pg_catalog, pg_temp
as $$
begin
  perform proxy_private.require_admin();
  return query
  select h.* from proxy_private.proxy_usage_hourly as h
  where h.api_key_id = hours_of_any_key.api_key_id and h.hour >= hours_of_any_key.first_at
    and h.hour < hours_of_any_key.end_at;
end
$$;
comment on function proxy_private.hours_of_any_key is
  'The hourly usage of a key of any user, for admins. Refusals: unauthorized, forbidden.';

create function public.proxy_usage_series(
  "interval" text, "from" text default null, "to" text default null, key_id text default null,
  as_admin boolean default false
) returns public.proxy_usage_timeline
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  span record;
  one_key uuid;
  is_live boolean;
  series public.proxy_usage_timeline;
begin
  perform proxy_private.require_reader(proxy_usage_series.as_admin);
  span := proxy_private.require_span(
    proxy_usage_series."interval", proxy_usage_series."from", proxy_usage_series."to"
  );
  if proxy_usage_series.key_id is not null then
    select k.id, k.live_mode into one_key, is_live
    from proxy_private.find_read_key(proxy_usage_series.key_id, proxy_usage_series.as_admin) as k;
  elsif proxy_usage_series.as_admin then
    perform proxy_private.refuse('invalid_request', 'as_admin');
  end if;
  series."interval" := proxy_usage_series."interval";
  series."from" := span.first_at;
  series."to" := span.end_at;
  with used as (
    select
      date_trunc(proxy_usage_series."interval", h.hour) as start,
      -- the largest integer that a JSON number holds exactly
      least(sum(h.requests), 9007199254740991) as requests,
      least(sum(h.bytes_sent), 9007199254740991) as bytes_sent,
      least(sum(h.bytes_received), 9007199254740991) as bytes_received,
      least(
        sum(case when h.live_mode then h.bytes_sent + h.bytes_received else 0 end),
        9007199254740991
      ) as billed_bytes
    from (
      -- only one of these branches runs
      select a.hour, a.live_mode, a.requests, a.bytes_sent, a.bytes_received
      from proxy_private.proxy_account_hourly as a
      where one_key is null and a.hour >= span.first_at and a.hour < span.end_at
      union all
      select k.hour, is_live, k.requests, k.bytes_sent, k.bytes_received
      from proxy_private.proxy_usage_hourly as k
      where proxy_usage_series.as_admin is not true
        and k.api_key_id = one_key and k.hour >= span.first_at and k.hour < span.end_at
      union all
      select k.hour, is_live, k.requests, k.bytes_sent, k.bytes_received
      from proxy_private.hours_of_any_key(one_key, span.first_at, span.end_at) as k
      where proxy_usage_series.as_admin
    ) as h
    group by 1
  )
  -- directly to json, as for a page of events
  select json_agg(
    json_build_object(
      'start', p.start,
      'requests', coalesce(u.requests, 0),
      'bytes_sent', coalesce(u.bytes_sent, 0),
      'bytes_received', coalesce(u.bytes_received, 0),
      'billed_bytes', coalesce(u.billed_bytes, 0)
    ) order by p.start
  )
  into series.points
  from generate_series(span.first_at, span.end_at - span.step, span.step) as p (start)
  left join used as u on u.start = p.start;
  return series;
end
$$;
comment on function public.proxy_usage_series is
  'The caller''s usage by hour or day (UTC), over all keys or one (uuid or keyId), with zeros '
  'where nothing was used; with as_admin, that of one key of any user, for admins. Covers whole '
  'intervals, from the one that contains `from` to the one that contains `to` or ends there: by '
  'default the last 24 hours or 30 days, at most 1,000 intervals. Refusals: unauthorized, '
  'forbidden, invalid_request (detail: the argument), not_found.';


insert into proxy_private.argument_rules (argument, rule) values
  ('interval', 'Either hour or day.'),
  (
    'from',
    'An RFC 3339 time of this century, at most 1,000 intervals before `to`, or 92 days for targets '
      'and outcomes.'
  ),
  ('to', 'An RFC 3339 time of this century, later than `from`.');


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on function
  proxy_private.count_active_keys, public.proxy_usage_summary, public.proxy_usage_by_key,
  proxy_private.require_span, proxy_private.hours_of_any_key, public.proxy_usage_series
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.count_active_keys, public.proxy_usage_summary, public.proxy_usage_by_key,
  proxy_private.require_span, proxy_private.hours_of_any_key, public.proxy_usage_series
to authenticated;
