-- Data plane: what the CONNECT gateway may do, and nothing else.

create type gateway.proxy_key_lookup as (
  id uuid,
  key_id text,
  secret_hash bytea,
  active boolean,
  suspended boolean,
  live_mode boolean,
  rate_limit integer,
  tunnel_limit integer,
  bandwidth_limit_bytes bigint,
  bandwidth_used_bytes bigint,
  allowed_ips text[],
  expires_in_ms bigint,
  previous_hash bytea,
  previous_ends_in_ms bigint
);
comment on type gateway.proxy_key_lookup is
  'What a gateway needs to judge a CONNECT. Times to come are in milliseconds from now, so that a '
  'gateway''s own clock need not be right; allowed_ips is empty where any client may come, and '
  'previous_hash null but in a grace.';

-- A definer: the gateway may read no table. In plpgsql, which keeps its plan between calls.
create function gateway.lookup_proxy_key(key_id text) returns setof gateway.proxy_key_lookup
language plpgsql stable security definer rows 1
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select
    k.id,
    k.key_id,
    s.secret_hash,
    k.active,
    k.suspended_at is not null,
    k.live_mode,
    k.rate_limit,
    k.tunnel_limit,
    k.bandwidth_limit_bytes,
    -- what a number in JSON holds exactly
    least(coalesce(m.bytes_sent + m.bytes_received, 0), 9007199254740991),
    k.allowed_ips::text[],
    floor(extract(epoch from k.expires_at - now()) * 1000)::bigint,
    case when k.grace_ends_at > now() then s.previous_hash end,
    case when k.grace_ends_at > now()
      then floor(extract(epoch from k.grace_ends_at - now()) * 1000)::bigint
    end
  from private.key_states as k
  join private.proxy_key_secrets as s on s.api_key_id = k.id
  left join private.proxy_usage_monthly as m
    on m.api_key_id = k.id
    and m.month = date_trunc('month', now() at time zone 'UTC')::date
  where k.key_id = lookup_proxy_key.key_id;
end
$$;
comment on function gateway.lookup_proxy_key is
  'The key with its hashes, state, limits and this month''s bytes; no row for an unknown keyId. The '
  'gateway compares the hash itself, so that no secret reaches the database. Reads only.';


create type gateway.recorded_usage as (recorded integer, repeated integer, rejected jsonb);
comment on type gateway.recorded_usage is
  'How many events of a batch were new, how many known already, and which were refused, and why.';

-- finds the least of the overrides, of which there are few
create index proxy_keys_bandwidth_override
  on private.proxy_keys (((limit_overrides ->> 'bandwidth_limit_bytes')::bigint))
  where limit_overrides ->> 'bandwidth_limit_bytes' is not null;

-- A definer: the gateway may write no table. One statement, so that an event and its share of the
-- rollups are seen together or not at all. Rows are taken in one order everywhere, so that batches
-- that overlap wait for each other and do not deadlock. A key whose month crosses its limit is
-- announced, so that no gateway goes on with the figure it has cached.
create function gateway.record_usage(events jsonb) returns gateway.recorded_usage
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- a batch of 10,000 in memory
set work_mem = '32MB'
-- a batch tells the planner nothing, and each new connection would plan its first five again
set plan_cache_mode = force_generic_plan
as $$
declare
  -- a full RFC 3339 time: 'now', or one without its zone, would be another time when repeated
  time_form constant text :=
    '\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})';
  this_month constant date := date_trunc('month', now())::date;
  -- a figure that no honest gateway reaches stands there, and makes no later sum overflow
  most_bytes constant bigint := 9007199254740991;
  all_in_form boolean;
  least_limit bigint;
  accepted integer;
  crossing_keys text[];
  outcome gateway.recorded_usage;
begin
  if jsonb_typeof(record_usage.events) is distinct from 'array'
    or jsonb_array_length(record_usage.events) > 100000
  then
    perform private.refuse('invalid_request', 'events');
  end if;

  -- all times in one match, as beginning a match takes longer than matching; each by itself below
  -- where one is out of form
  select string_agg(e.occurred_at || '|', '') ~ ('^(' || time_form || '\|)*$')
  into all_in_form
  from json_table(record_usage.events, '$[*]' columns (occurred_at text path '$.occurredAt')) as e;

  select least(
    (select min(t.bandwidth_limit_bytes) from public.proxy_tiers as t),
    (
      select min((k.limit_overrides ->> 'bandwidth_limit_bytes')::bigint)
      from private.proxy_keys as k
      where k.limit_overrides ->> 'bandwidth_limit_bytes' is not null
    )
  )
  into least_limit;

  with judged as materialized (
    select
      e.*, k.user_id,
      case
        when e.event_id is null then 'invalid_event_id'
        when e.api_key_id is null then 'invalid_api_key_id'
        when k.id is null then 'unknown_key'
        when e.occurred_at is null
          or (all_in_form is not true and e.raw_occurred_at !~ ('^' || time_form || '$'))
          then 'invalid_occurred_at'
        -- older than any partition that retention may have dropped: a repeat could not be told
        when e.occurred_at < now() - interval '93 days' then 'occurred_too_long_ago'
        when e.occurred_at > now() + interval '5 minutes' then 'occurred_in_the_future'
        when e.occurred_at < k.created_at - interval '5 minutes' then 'occurred_before_key'
        when char_length(e.target_host) between 1 and 255 is not true
          then 'invalid_target_host'
        when char_length(e.method) between 1 and 20 is not true then 'invalid_method'
        when e.status_code between 100 and 999 is not true then 'invalid_status_code'
        -- a tebibyte an event: millions of the largest fit a rollup
        when e.bytes_sent between 0 and 1099511627776 is not true then 'invalid_bytes_sent'
        when e.bytes_received between 0 and 1099511627776 is not true then 'invalid_bytes_received'
        when e.duration_ms >= 0 is not true then 'invalid_duration_ms'
        -- 100 Gbit/s, and a second for what a clock is off
        when e.bytes_sent + e.bytes_received > (e.duration_ms + 1000::bigint) * 12500000
          then 'too_many_bytes'
        when char_length(e.served_by_node_id) between 1 and 100 is not true
          then 'invalid_served_by_node_id'
        when char_length(e.tunnel_id) > 100 then 'invalid_tunnel_id'
        when e.slice < 0 then 'invalid_slice'
        -- a bound within the expression takes ten times as long
        when e.code !~ '^[a-z][a-z0-9_]*$' or octet_length(e.code) > 64 then 'invalid_code'
        when e.count not between 1 and 1000000
          or (e.count > 1 and private.is_refusal(e.code, e.bytes_sent + e.bytes_received) is not true)
          then 'invalid_count'
      end as reason
    from json_table(
      record_usage.events, '$[*]'
      columns (
        raw_event_id jsonb path '$.eventId',
        event_id uuid path '$.eventId',
        api_key_id uuid path '$.apiKeyId',
        raw_occurred_at text path '$.occurredAt',
        occurred_at timestamptz path '$.occurredAt',
        target_host text path '$.targetHost',
        method text path '$.method',
        status_code smallint path '$.statusCode',
        bytes_sent bigint path '$.bytesSent',
        bytes_received bigint path '$.bytesReceived',
        duration_ms integer path '$.durationMs',
        served_by_node_id text path '$.servedByNodeId',
        tunnel_id text path '$.tunnelId',
        slice integer path '$.slice' default -1 on error,
        code text path '$.code' default '' on error,
        count integer path '$.count' default 0 on error
      )
    ) as e
    left join private.proxy_keys as k on k.id = e.api_key_id
  ),
  fresh as (
    insert into private.proxy_usage_events as u (
      event_id, api_key_id, user_id, occurred_at, target_host, method, status_code, bytes_sent,
      bytes_received, duration_ms, served_by_node_id, tunnel_id, slice, code, count
    )
    select
      j.event_id, j.api_key_id, j.user_id, j.occurred_at, j.target_host, j.method, j.status_code,
      j.bytes_sent, j.bytes_received, j.duration_ms, j.served_by_node_id, j.tunnel_id,
      coalesce(j.slice, 0), j.code, coalesce(j.count, 1)
    from judged as j
    where j.reason is null
    order by j.event_id, j.occurred_at
    on conflict (event_id, occurred_at) do nothing
    returning
      u.api_key_id, u.user_id, u.occurred_at, u.bytes_sent, u.bytes_received, u.slice, u.code
  ),
  hours as materialized (
    select
      f.api_key_id, date_trunc('hour', f.occurred_at) as hour, f.user_id,
      count(*) filter (where f.slice = 0) as requests,
      least(sum(f.bytes_sent), most_bytes) as bytes_sent,
      least(sum(f.bytes_received), most_bytes) as bytes_received,
      max(f.occurred_at) as last_used_at
    from fresh as f
    where private.is_refusal(f.code, f.bytes_sent + f.bytes_received) is not true
    group by 1, 2, 3
  ),
  months as materialized (
    select
      r.api_key_id, date_trunc('month', r.hour)::date as month, r.user_id,
      sum(r.requests) as requests, least(sum(r.bytes_sent), most_bytes) as bytes_sent,
      least(sum(r.bytes_received), most_bytes) as bytes_received, max(r.last_used_at) as last_used_at
    from hours as r
    group by 1, 2, 3
  ),
  hourly as (
    insert into private.proxy_usage_hourly as h (
      api_key_id, hour, user_id, requests, bytes_sent, bytes_received
    )
    select r.api_key_id, r.hour, r.user_id, r.requests, r.bytes_sent, r.bytes_received
    from hours as r
    order by r.api_key_id, r.hour
    on conflict (api_key_id, hour) do update set
      requests = h.requests + excluded.requests,
      bytes_sent = least(h.bytes_sent + excluded.bytes_sent, most_bytes),
      bytes_received = least(h.bytes_received + excluded.bytes_received, most_bytes)
  ),
  monthly as (
    insert into private.proxy_usage_monthly as m (
      api_key_id, month, user_id, requests, bytes_sent, bytes_received, last_used_at
    )
    select
      r.api_key_id, r.month, r.user_id, r.requests, r.bytes_sent, r.bytes_received, r.last_used_at
    from months as r
    order by r.api_key_id, r.month
    on conflict (api_key_id, month) do update set
      requests = m.requests + excluded.requests,
      bytes_sent = least(m.bytes_sent + excluded.bytes_sent, most_bytes),
      bytes_received = least(m.bytes_received + excluded.bytes_received, most_bytes),
      last_used_at = greatest(m.last_used_at, excluded.last_used_at)
    returning m.api_key_id, m.month, m.bytes_sent + m.bytes_received as total
  ),
  -- Only keys past the least of all limits are looked at: mostly none. A full join is hashed or
  -- merged, where the planner, who expects one row, would else compare each with each.
  risen as materialized (
    select m.api_key_id, m.total, m.total - r.bytes_sent - r.bytes_received as total_before
    from (select * from monthly as m where m.month = this_month and m.total >= least_limit) as m
    full join (select * from months as r where r.month = this_month) as r
      on r.api_key_id = m.api_key_id
  ),
  crossing as (
    select k.key_id
    from risen as r
    join private.key_states as k on k.id = r.api_key_id
    where r.total_before < k.bandwidth_limit_bytes and r.total >= k.bandwidth_limit_bytes
  )
  select
    (select count(*) from fresh),
    count(*) filter (where j.reason is null),
    coalesce(
      jsonb_agg(
        jsonb_build_object('eventId', j.raw_event_id, 'reason', j.reason)
      ) filter (where j.reason is not null),
      '[]'
    ),
    (select array_agg(c.key_id) from crossing as c)
  into outcome.recorded, accepted, outcome.rejected, crossing_keys
  from judged as j;
  outcome.repeated := accepted - outcome.recorded;
  perform pg_notify('proxy_key_changed', k)
  from unnest(crossing_keys) as k;
  return outcome;
end
$$;
comment on function gateway.record_usage is
  'Records an array of usage events (camelCase, as the contract names them) and raises the rollups '
  'by the new ones only, refusals left out, so a batch may be sent again. An event that is of no known '
  'key, out of bounds, or cannot have happened (before its key was made, or more bytes than 100 Gbit/s) '
  'is reported in `rejected` and does not stop the others. Notifies channel proxy_key_changed of a key '
  'whose bytes of this month reach its limit by it. Refusals: invalid_request (no array, or over '
  '100,000 events).';


-- All of this is closed, then opened to those who need it: also where default privileges are open.
revoke all on function
  gateway.lookup_proxy_key, gateway.record_usage
from public, anon, authenticated, service_role;
grant execute on function gateway.lookup_proxy_key, gateway.record_usage to proxy_gateway;
