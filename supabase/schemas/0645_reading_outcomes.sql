-- Reading outcomes: how a user's requests ended, how to fix failures, and the trend.

create type proxy_private.outcome_sum as (
  start timestamptz,
  outcome text,
  kind text,
  how_to_fix text,
  requests bigint,
  bytes_sent bigint,
  bytes_received bigint,
  billed_bytes bigint
);
comment on type proxy_private.outcome_sum is
  'The totals of one outcome in the hour or day that starts at `start`.';

-- Security definer: callers may not read the rollup by outcome.
create function proxy_private.read_outcomes(
  key_id text, "interval" text, first_at timestamptz, end_at timestamptz,
  as_admin boolean default false
)
returns proxy_private.outcome_sum[]
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  subject_id uuid := proxy_private.require_reader(read_outcomes.as_admin);
begin
  if read_outcomes.key_id is not null then
    subject_id := (proxy_private.find_read_key(read_outcomes.key_id, read_outcomes.as_admin)).id;
  elsif read_outcomes.as_admin then
    perform proxy_private.refuse('invalid_request', 'as_admin');
  end if;
  return array(
    select (
      date_trunc(read_outcomes."interval", u.hour), o.outcome, o.kind, o.how_to_fix,
      least(sum(u.requests), 9007199254740991), least(sum(u.bytes_sent), 9007199254740991),
      least(sum(u.bytes_received), 9007199254740991), least(sum(u.billed_bytes), 9007199254740991)
    )::proxy_private.outcome_sum
    from proxy_private.proxy_usage_outcomes as u
    join proxy_private.outcomes as o using (outcome)
    where u.subject = subject_id and u.hour >= read_outcomes.first_at
      and u.hour < read_outcomes.end_at
      -- skip rows whose usage all moved to another outcome
      and (u.requests, u.bytes_sent, u.bytes_received) <> (0, 0, 0)
    group by date_trunc(read_outcomes."interval", u.hour), o.outcome
  );
end
$$;
comment on function proxy_private.read_outcomes is
  'Returns the totals per outcome and hour or day of one of the caller''s keys, or of all of them '
  'if key_id is null. With as_admin, the key may be any user''s.';

create type public.proxy_outcome_usage as (
  "interval" text,
  "from" timestamptz,
  "to" timestamptz,
  kept_from timestamptz,
  sort text,
  outcomes json,
  totals json,
  points json
);
comment on type public.proxy_outcome_usage is
  'How requests ended from `from` (inclusive) to `to` (exclusive); refused requests count too. '
  '`outcomes` lists the outcomes, largest first, with kind (ok, refused or failed), figures and '
  'how_to_fix; `totals` sums them, with success_rate from 0 to 1 (null without requests); `points` '
  'counts the ok, refused and failed requests of each interval. billed_bytes are the bytes of live '
  'keys; data from before `kept_from` is no longer kept.';

create function public.proxy_usage_outcomes(
  period text default null, "from" text default null, "to" text default null, key_id text default null,
  "interval" text default 'day', "limit" integer default 50, sort text default 'bytes',
  as_admin boolean default false
) returns public.proxy_outcome_usage
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  span record;
  most integer;
  sums proxy_private.outcome_sum[];
  answer public.proxy_outcome_usage;
begin
  perform proxy_private.require_reader(proxy_usage_outcomes.as_admin);
  answer."interval" := coalesce(proxy_usage_outcomes."interval", 'day');
  span := proxy_private.require_rollup_span(
    proxy_usage_outcomes.period, answer."interval", proxy_usage_outcomes."from",
    proxy_usage_outcomes."to"
  );
  answer.sort := proxy_private.require_rollup_sort(proxy_usage_outcomes.sort);
  most := proxy_private.require_limit(coalesce(proxy_usage_outcomes."limit", 50));
  sums := proxy_private.read_outcomes(
    proxy_usage_outcomes.key_id, answer."interval", span.first_at, span.end_at,
    proxy_usage_outcomes.as_admin
  );
  answer."from" := span.first_at;
  answer."to" := span.end_at;
  answer.kept_from := proxy_private.first_kept_target_day()::timestamptz;

  select coalesce(
    json_agg(
      json_build_object(
        'outcome', i.outcome, 'kind', i.kind, 'requests', i.requests, 'bytes_sent', i.bytes_sent,
        'bytes_received', i.bytes_received, 'billed_bytes', i.billed_bytes,
        'how_to_fix', i.how_to_fix
      ) order by i.place
    ),
    '[]'
  )
  into answer.outcomes
  from (
    select
      s.outcome, s.kind, s.how_to_fix, least(sum(s.requests), 9007199254740991) as requests,
      least(sum(s.bytes_sent), 9007199254740991) as bytes_sent,
      least(sum(s.bytes_received), 9007199254740991) as bytes_received,
      least(sum(s.billed_bytes), 9007199254740991) as billed_bytes,
      row_number() over (
        order by
          case answer.sort
            when 'requests' then sum(s.requests)
            when 'errors' then case when s.kind = 'ok' then 0 else sum(s.requests) end
            else sum(s.bytes_sent) + sum(s.bytes_received)
          end desc,
          sum(s.requests) desc, s.outcome
      ) as place
    from unnest(sums) as s
    group by s.outcome, s.kind, s.how_to_fix
  ) as i
  where i.place <= most;

  select json_build_object(
    'requests', least(t.requests, 9007199254740991),
    'ok', least(t.ok, 9007199254740991),
    'refused', least(t.refused, 9007199254740991),
    'failed', least(t.failed, 9007199254740991),
    'success_rate', round(t.ok / nullif(t.requests, 0), 6),
    'bytes_sent', least(t.bytes_sent, 9007199254740991),
    'bytes_received', least(t.bytes_received, 9007199254740991),
    'billed_bytes', least(t.billed_bytes, 9007199254740991)
  )
  into answer.totals
  from (
    select
      coalesce(sum(s.requests), 0) as requests,
      coalesce(sum(s.requests) filter (where s.kind = 'ok'), 0) as ok,
      coalesce(sum(s.requests) filter (where s.kind = 'refused'), 0) as refused,
      coalesce(sum(s.requests) filter (where s.kind = 'failed'), 0) as failed,
      coalesce(sum(s.bytes_sent), 0) as bytes_sent,
      coalesce(sum(s.bytes_received), 0) as bytes_received,
      coalesce(sum(s.billed_bytes), 0) as billed_bytes
    from unnest(sums) as s
  ) as t;

  with used as (
    select
      s.start,
      least(coalesce(sum(s.requests) filter (where s.kind = 'ok'), 0), 9007199254740991) as ok,
      least(coalesce(sum(s.requests) filter (where s.kind = 'refused'), 0), 9007199254740991) as refused,
      least(coalesce(sum(s.requests) filter (where s.kind = 'failed'), 0), 9007199254740991) as failed
    from unnest(sums) as s
    group by s.start
  )
  select json_agg(
    json_build_object(
      'start', p.start, 'ok', coalesce(u.ok, 0), 'refused', coalesce(u.refused, 0),
      'failed', coalesce(u.failed, 0)
    ) order by p.start
  )
  into answer.points
  from generate_series(span.first_at, span.end_at - span.step, span.step) as p (start)
  left join used as u on u.start = p.start;
  return answer;
end
$$;
comment on function public.proxy_usage_outcomes is
  'Returns how the requests of the caller''s keys, or of one key (uuid or keyId), ended, refusals '
  'included, and how to fix failures, in total and per hour or day. The span is a month (YYYY-MM), '
  'or whole UTC hours or days between `from` and `to`: at most 1,000 hours or 92 days, by default '
  'the last 24 hours or 30 days; as_admin lets an admin name any user''s key. Refusals: '
  'unauthorized, forbidden, invalid_request (detail: the argument), not_found.';


create function public.export_proxy_usage_outcomes(
  period text default null, "from" text default null, "to" text default null, key_id text default null,
  "interval" text default 'day', sort text default 'bytes'
) returns public.proxy_csv_part
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  wanted_interval text := coalesce(export_proxy_usage_outcomes."interval", 'day');
  wanted_sort text := proxy_private.require_rollup_sort(export_proxy_usage_outcomes.sort);
  span record;
  part public.proxy_csv_part;
begin
  perform proxy_private.require_user();
  span := proxy_private.require_rollup_span(
    export_proxy_usage_outcomes.period, wanted_interval, export_proxy_usage_outcomes."from",
    export_proxy_usage_outcomes."to"
  );
  select E'start,outcome,kind,requests,bytesSent,bytesReceived,billedBytes,howToFix\r\n' || coalesce(
    string_agg(
      concat_ws(
        ',', to_char(s.start, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), s.outcome, s.kind, s.requests,
        s.bytes_sent, s.bytes_received, s.billed_bytes, proxy_private.csv_field(coalesce(s.how_to_fix, ''))
      ) || E'\r\n',
      '' order by
        s.start,
        case wanted_sort
          when 'requests' then s.requests
          when 'errors' then case when s.kind = 'ok' then 0 else s.requests end
          else s.bytes_sent + s.bytes_received
        end desc,
        s.requests desc, s.outcome
    ),
    ''
  )
  into part.csv
  from unnest(
    proxy_private.read_outcomes(
      export_proxy_usage_outcomes.key_id, wanted_interval, span.first_at, span.end_at
    )
  ) as s;
  return part;
end
$$;
comment on function public.export_proxy_usage_outcomes is
  'As proxy_usage_outcomes, as CSV: one line per outcome and hour or day in which it occurred, '
  'oldest first, then largest first. next_cursor is always null. Refusals: unauthorized, '
  'not_found, invalid_request (detail: the argument).';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.read_outcomes, public.proxy_usage_outcomes, public.export_proxy_usage_outcomes
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.read_outcomes, public.proxy_usage_outcomes, public.export_proxy_usage_outcomes
to authenticated;
