-- Recording: usage reports from gateways are checked, written once, and added to the rollups.

create type gateway.recorded_usage as (recorded integer, repeated integer, rejected jsonb);
comment on type gateway.recorded_usage is
  'How many rows a batch created or raised, how many of its reports added nothing new, and which '
  'were rejected: the index in the batch (from 0), the event''s id and the reason.';

-- Security definer: the gateway may not write tables. Every row is inserted or locked, in one
-- global order, before any is raised: no other transaction changes a row after it was read, and
-- overlapping batches wait for each other. The rollups follow, each in its own order.
create function gateway.record_usage(events jsonb) returns gateway.recorded_usage
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- keeps a batch of 10,000 in memory
set work_mem = '32MB'
-- the planner learns nothing from a batch, and each new connection would plan its first five calls
set plan_cache_mode = force_generic_plan
as $$
declare
  -- a full RFC 3339 time: 'now', or a time without a zone, would be another time when repeated
  time_form constant text :=
    '\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})';
  all_in_form boolean;
  first_at timestamptz;
  last_at timestamptz;
  oldest_at timestamptz;
  accepted integer;
  reports proxy_private.proxy_usage_events[];
  made proxy_private.proxy_usage_events[];
  known proxy_private.proxy_usage_events[];
  stored proxy_private.proxy_usage_events[];
  raised proxy_private.raised_usage[];
  outcome gateway.recorded_usage;
begin
  if jsonb_typeof(record_usage.events) is distinct from 'array'
    or jsonb_array_length(record_usage.events) > 100000
  then
    perform proxy_private.refuse('invalid_request', 'events');
  end if;

  -- Until the commit, retention drops no day: repeats of its events could not be recognized.
  lock table only proxy_private.proxy_usage_events in row exclusive mode;
  oldest_at := proxy_private.oldest_usage_day();

  -- All times in one match, because starting a match costs more than matching. If one is malformed,
  -- each is matched by itself below.
  select
    string_agg(e.raw || '|', '') ~ ('^(' || time_form || '\|)*$'),
    min(e.occurred_at), max(e.occurred_at)
  into all_in_form, first_at, last_at
  from json_table(
    record_usage.events, '$[*]'
    columns (raw text path '$.occurredAt', occurred_at timestamptz path '$.occurredAt')
  ) as e;

  with judged as materialized (
    select
      e.*,
      case
        when e.event_id is null then 'invalid_event_id'
        when e.api_key_id is null then 'invalid_api_key_id'
        when k.id is null then 'unknown_key'
        when e.occurred_at is null
          or (all_in_form is not true and e.raw_occurred_at !~ ('^' || time_form || '$'))
          then 'invalid_occurred_at'
        when e.occurred_at < oldest_at then 'occurred_too_long_ago'
        when e.occurred_at > now() + interval '5 minutes' then 'occurred_in_the_future'
        when e.occurred_at < k.created_at - interval '5 minutes' then 'occurred_before_key'
        when char_length(e.target_host) between 1 and 255 is not true
          then 'invalid_target_host'
        when e.target_site = ''
          or (
            e.target_site <> e.target_host
            and right(e.target_host, char_length(e.target_site) + 1) <> '.' || e.target_site
          )
          then 'invalid_target_site'
        when char_length(e.method) between 1 and 20 is not true then 'invalid_method'
        when e.status_code between 100 and 999 is not true then 'invalid_status_code'
        -- 64 TiB per row: more than an hour at 100 Gbit/s
        when e.bytes_sent between 0 and 70368744177664 is not true then 'invalid_bytes_sent'
        when e.bytes_received between 0 and 70368744177664 is not true
          then 'invalid_bytes_received'
        when e.duration_ms >= 0 is not true then 'invalid_duration_ms'
        -- otherwise the key would seem used until then
        when e.occurred_at + e.duration_ms * interval '1 ms' > now() + interval '5 minutes'
          then 'ended_in_the_future'
        -- 100 Gbit/s, plus a second for clock error
        when e.bytes_sent + e.bytes_received > (e.duration_ms + 1000::bigint) * 12500000
          then 'too_many_bytes'
        when char_length(e.served_by_node_id) between 1 and 100 is not true
          then 'invalid_served_by_node_id'
        -- a length bound in the pattern takes ten times as long
        when e.code !~ '^[a-z][a-z0-9_]*$' or octet_length(e.code) > 64 then 'invalid_code'
        when e.count not between 0 and 1000000
          or (
            e.count > 1
            and proxy_private.is_refusal(e.code, e.bytes_sent + e.bytes_received) is not true
          )
          then 'invalid_count'
      end as reason
    from json_table(
      record_usage.events, '$[*]'
      columns (
        number for ordinality,
        raw_event_id jsonb path '$.eventId',
        event_id uuid path '$.eventId',
        api_key_id uuid path '$.apiKeyId',
        raw_occurred_at text path '$.occurredAt',
        occurred_at timestamptz path '$.occurredAt',
        target_host text path '$.targetHost',
        target_site text path '$.targetSite' default '' on error,
        method text path '$.method',
        status_code smallint path '$.statusCode',
        bytes_sent bigint path '$.bytesSent',
        bytes_received bigint path '$.bytesReceived',
        duration_ms integer path '$.durationMs',
        served_by_node_id text path '$.servedByNodeId',
        code text path '$.code' default '' on error,
        count integer path '$.count' default -1 on error
      )
    ) as e
    left join proxy_private.proxy_keys as k on k.id = e.api_key_id
  )
  select
    -- of several reports of one row, the last one includes the others
    (
      select
        array_agg(
          (
            r.api_key_id, r.event_id, r.occurred_at, r.bytes_sent, r.bytes_received, r.duration_ms,
            coalesce(r.count, 1), r.status_code, char_length(r.target_site), r.target_host, r.method, r.served_by_node_id, r.code
          )::proxy_private.proxy_usage_events
          order by r.api_key_id, r.occurred_at, r.event_id
        )
      from (
        select distinct on (j.api_key_id, j.occurred_at, j.event_id) j.*
        from judged as j
        where j.reason is null
        order by
          j.api_key_id, j.occurred_at, j.event_id, j.duration_ms desc,
          j.bytes_sent + j.bytes_received desc, j.count desc
      ) as r
    ),
    count(*) filter (where j.reason is null),
    coalesce(
      jsonb_agg(
        jsonb_build_object('index', j.number - 1, 'eventId', j.raw_event_id, 'reason', j.reason)
        order by j.number
      ) filter (where j.reason is not null),
      '[]'
    )
  into reports, accepted, outcome.rejected
  from judged as j;

  -- In the order of the array. A known row is locked, but not written.
  with written as (
    insert into proxy_private.proxy_usage_events as u
    select r.* from unnest(reports) as r
    on conflict (api_key_id, occurred_at, event_id) do update set count = u.count where false
    returning u.api_key_id, u.occurred_at, u.event_id
  )
  select
    -- usually no row is known
    case when (select count(*) from written) < cardinality(reports) then array(
      select r from unnest(reports) as r
      where (r.api_key_id, r.occurred_at, r.event_id) not in (select w.* from written as w)
    ) end
  into known;
  made := case when known is null then reports else array(
    select r from unnest(reports) as r
    where (r.api_key_id, r.occurred_at, r.event_id) not in (
      select k.api_key_id, k.occurred_at, k.event_id from unnest(known) as k
    )
  ) end;

  -- A separate statement, which sees the known rows as they were locked. Its days are constants: a
  -- cached plan would lock the partitions of all days and start to scan them.
  if known is not null then
    execute format(
      'select array(
         select s.o
         from unnest($1) as r
         -- row by row, by index: without statistics for today, a plan may compare all pairs
         cross join lateral (
           select o from proxy_private.proxy_usage_events as o
           where o.api_key_id = r.api_key_id and o.occurred_at = r.occurred_at
             and o.event_id = r.event_id and o.occurred_at between %L and %L
           offset 0
         ) as s (o)
       )',
      greatest(first_at, oldest_at), least(last_at, now() + interval '5 minutes')
    )
    into stored using known;
  end if;

  -- Known rows are written by INSERT: an UPDATE would lock the partitions of all days, and so
  -- deadlock with retention.
  with risen_rows as materialized (
    select
      (p.r).api_key_id, (p.r).event_id, (p.r).occurred_at,
      greatest((p.o).bytes_sent, (p.r).bytes_sent) as bytes_sent,
      greatest((p.o).bytes_received, (p.r).bytes_received) as bytes_received,
      greatest((p.o).duration_ms, (p.r).duration_ms) as duration_ms,
      -- a row that turns out not to be a refusal is one request
      case
        when proxy_private.is_refusal((p.r).code, (p.r).bytes_sent + (p.r).bytes_received)
          then greatest((p.o).count, (p.r).count)
        else least(greatest((p.o).count, (p.r).count), 1)
      end as count,
      (p.r).status_code, (p.o).site_length, (p.o).target_host, (p.r).method,
      (p.r).served_by_node_id, (p.r).code,
      (p.o).code as code_before, (p.o).count as count_before,
      (p.o).bytes_sent as sent_before, (p.o).bytes_received as received_before,
      case
        when proxy_private.is_refusal((p.o).code, (p.o).bytes_sent + (p.o).bytes_received) then 0
        else (p.o).count
      end as requests_before
    from (
      -- a full join is hashed, as in proxy_private.raise_key_rollups
      select r, o
      from unnest(known) as r
      full join unnest(stored) as o using (api_key_id, occurred_at, event_id)
      offset 0
    ) as p (r, o)
    where (
        (p.r).duration_ms > (p.o).duration_ms or (p.r).bytes_sent > (p.o).bytes_sent
        or (p.r).bytes_received > (p.o).bytes_received or (p.r).count > (p.o).count
      )
      -- a request stays a request: no report lowers a figure
      and (
        proxy_private.is_refusal((p.r).code, (p.r).bytes_sent + (p.r).bytes_received) is not true
        or proxy_private.is_refusal((p.o).code, (p.o).bytes_sent + (p.o).bytes_received)
      )
  ),
  rewritten as (
    insert into proxy_private.proxy_usage_events (
      api_key_id, event_id, occurred_at, bytes_sent, bytes_received, duration_ms, count,
      status_code, site_length, target_host, method, served_by_node_id, code
    )
    select
      r.api_key_id, r.event_id, r.occurred_at, r.bytes_sent, r.bytes_received, r.duration_ms,
      r.count, r.status_code, r.site_length, r.target_host, r.method, r.served_by_node_id, r.code
    from risen_rows as r
    on conflict (api_key_id, occurred_at, event_id) do update set
      bytes_sent = excluded.bytes_sent,
      bytes_received = excluded.bytes_received,
      duration_ms = excluded.duration_ms,
      count = excluded.count,
      status_code = excluded.status_code,
      code = excluded.code
  ),
  -- by how much each row was raised, a new row by all of it; a refusal is no use of its key
  all_raised as (
    select (
      r.api_key_id, r.occurred_at, r.occurred_at + r.duration_ms * interval '1 ms',
      proxy_private.is_refusal(r.code, r.bytes_sent + r.bytes_received) is not true,
      r.count - r.requests_before, r.bytes_sent - r.sent_before, r.bytes_received - r.received_before,
      r.target_host, r.site_length, r.code, r.count, r.code_before, r.count_before,
      r.sent_before, r.received_before
    )::proxy_private.raised_usage as raised
    from risen_rows as r
    union all
    select (
      m.api_key_id, m.occurred_at, m.occurred_at + m.duration_ms * interval '1 ms',
      proxy_private.is_refusal(m.code, m.bytes_sent + m.bytes_received) is not true,
      m.count, m.bytes_sent, m.bytes_received,
      m.target_host, m.site_length, m.code, m.count, null, 0, 0, 0
    )::proxy_private.raised_usage
    from unnest(made) as m
  )
  select array_agg(a.raised) into raised from all_raised as a;

  perform proxy_private.raise_key_rollups(raised);
  perform proxy_private.raise_account_rollups(raised);
  perform proxy_private.raise_target_rollups(raised);
  perform proxy_private.raise_outcome_rollups(raised);

  outcome.recorded := coalesce(cardinality(raised), 0);
  outcome.repeated := accepted - outcome.recorded;
  return outcome;
end
$$;
comment on function gateway.record_usage is
  'Records an array of usage events (camelCase, as in the contract), each the latest report of its '
  'row, with bytes, duration and count since the row started: inserts new rows, raises known ones, '
  'and adds the difference to the rollups, which also notify, so a batch may be repeated or late. '
  'Refused requests count only in the rollup by outcome; an event of an unknown key, out of bounds '
  'or impossible (before its key was created, or over 100 Gbit/s) is listed in `rejected` and does '
  'not stop the others. Refusals: invalid_request (not an array, or over 100,000 events).';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function gateway.record_usage from public, anon, authenticated, service_role;
grant execute on function gateway.record_usage to proxy_gateway;
