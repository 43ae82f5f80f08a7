-- Usage: each exchange is an event. All sums are read from rollups of the events, which the next
-- files define.

-- The widest columns come first, so that none needs padding.
create table proxy_private.proxy_usage_events (
  api_key_id uuid not null references proxy_private.proxy_keys (id),
  event_id uuid not null,
  occurred_at timestamptz not null,
  bytes_sent bigint not null,
  bytes_received bigint not null,
  duration_ms integer not null,
  count integer not null default 1,
  status_code smallint not null,
  site_length smallint,
  target_host text not null,
  method text not null,
  served_by_node_id text not null,
  code text,
  -- finds repeated reports, and serves the pages of a key's events
  primary key (api_key_id, occurred_at, event_id),
  constraint "bytes are not negative" check (bytes_sent >= 0 and bytes_received >= 0),
  constraint "a duration is not negative" check (duration_ms >= 0),
  constraint "a status has three digits" check (status_code between 100 and 999),
  constraint "a site is the end of its host" check (
    site_length between 1 and char_length(target_host)
  ),
  constraint "a code is snake case of 1 to 64 characters" check (
    code ~ '^[a-z][a-z0-9_]*$' and octet_length(code) <= 64
  ),
  constraint "a count is 0 to 1,000,000" check (count between 0 and 1000000),
  constraint "what is counted together has a code and no bytes" check (
    count <= 1 or (code is not null and bytes_sent = 0 and bytes_received = 0)
  )
) partition by range (occurred_at);
comment on table proxy_private.proxy_usage_events is
  'One row per request and hour (UTC), or per group of refusals, as the gateway reports them; each '
  'report of an open tunnel adds to its row. Partitioned by day (UTC), so that old events are '
  'removed by dropping a partition.';
comment on column proxy_private.proxy_usage_events.event_id is
  'Identifies the request: all rows of a tunnel that lasts for hours share it.';
comment on column proxy_private.proxy_usage_events.occurred_at is
  'When the request started; for a tunnel that continues from an earlier hour, the start of this '
  'hour.';
comment on column proxy_private.proxy_usage_events.count is
  'How many requests this row counts: 1 by default, 0 for a tunnel that continues from an earlier '
  'hour, or the number of refusals of one key, code and minute.';
comment on column proxy_private.proxy_usage_events.site_length is
  'How many characters at the end of target_host form its site, the registered domain; null for a '
  'host that has none, such as an address.';
comment on column proxy_private.proxy_usage_events.code is
  'Why the gateway refused the request, or what failed, as in its answer; null if the request was '
  'served.';

alter table proxy_private.proxy_usage_events enable row level security;

-- The one definition of which events do not count as use of a key. Strict, so that an event without
-- a code, as most are, costs no call: the result is then null, which is not a refusal either.
create function proxy_private.is_refusal(code text, bytes bigint) returns boolean
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return is_refusal.bytes = 0 and is_refusal.code not in (
    'target_unreachable', 'target_timeout', 'target_response_invalid', 'client_closed_request'
  );
end
$$;
comment on function proxy_private.is_refusal is
  'Whether an event with this code and these bytes (in and out together) is a refusal: the gateway '
  'attempted nothing for the client, so only the rollups by outcome count it. An event that moved '
  'bytes, or has the code of a failed attempt, is not a refusal. Null without a code.';

create view proxy_private.counted_usage_events with (security_invoker = true) as
select * from proxy_private.proxy_usage_events as e
where proxy_private.is_refusal(e.code, e.bytes_sent + e.bytes_received) is not true;
comment on view proxy_private.counted_usage_events is
  'All events except refusals: the basis of all rollups except those by outcome.';

-- catches events whose day has no partition, so that none is lost
create table proxy_private.proxy_usage_events_default
  partition of proxy_private.proxy_usage_events default;
alter table proxy_private.proxy_usage_events_default enable row level security;


-- Looks for an attached partition with the day's name: a table that an operator has detached does
-- not count.
create function proxy_private.usage_partition(day date) returns regclass
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select i.inhrelid::regclass
    from pg_class as c
    join pg_inherits as i on i.inhrelid = c.oid
    where c.relnamespace = 'proxy_private'::regnamespace
      and c.relname = 'proxy_usage_events_' || to_char(usage_partition.day, 'YYYY_MM_DD')
      and i.inhparent = 'proxy_private.proxy_usage_events'::regclass
  );
end
$$;
comment on function proxy_private.usage_partition is
  'The partition of proxy_usage_events for this day, or null if none exists.';

create function proxy_private.partitioned_usage_days() returns setof date
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select to_date(right(c.relname, 10), 'YYYY_MM_DD') as day
  from pg_inherits as i
  join pg_class as c on c.oid = i.inhrelid
  where i.inhparent = 'proxy_private.proxy_usage_events'::regclass
    and c.relname ~ '^proxy_usage_events_\d{4}_\d{2}_\d{2}$'
  order by 1;
end
$$;
comment on function proxy_private.partitioned_usage_days is
  'The days that have a partition, in order.';


-- Postgres refuses a new partition for rows that the default partition already holds. So each day
-- is created as a separate table, takes its rows from the default partition, and is attached, in
-- one transaction. Recording waits meanwhile: an event on its way into the default partition would
-- be refused.
create function proxy_private.make_usage_partitions(first_day date, last_day date) returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  day date;
  partition_name text;
  begins text;
  ends text;
  made integer := 0;
begin
  for day in
    select d::date
    from generate_series(
      make_usage_partitions.first_day::timestamp, make_usage_partitions.last_day::timestamp,
      interval '1 day'
    ) as d
  loop
    continue when proxy_private.usage_partition(day) is not null;
    lock table only proxy_private.proxy_usage_events in share row exclusive mode;
    lock table proxy_private.proxy_usage_events_default in access exclusive mode;
    -- another session may have created it while this one waited
    continue when proxy_private.usage_partition(day) is not null;

    partition_name := 'proxy_usage_events_' || to_char(day, 'YYYY_MM_DD');
    begins := day::text || ' 00:00:00+00';
    ends := (day + 1)::text || ' 00:00:00+00';
    execute format(
      'create table proxy_private.%I (
         like proxy_private.proxy_usage_events including defaults including constraints including indexes
       )',
      partition_name
    );
    execute format('alter table proxy_private.%I enable row level security', partition_name);
    execute format(
      'revoke all on table proxy_private.%I from public, anon, authenticated, service_role',
      partition_name
    );
    execute format(
      'comment on table proxy_private.%I is %L', partition_name, 'Usage events of ' || day || ' (UTC).'
    );
    execute format(
      'with moved as (
         delete from proxy_private.proxy_usage_events_default as d
         where d.occurred_at >= %L and d.occurred_at < %L
         returning d.*
       )
       insert into proxy_private.%I select * from moved',
      begins, ends, partition_name
    );
    execute format(
      'alter table proxy_private.proxy_usage_events attach partition proxy_private.%I
         for values from (%L) to (%L)',
      partition_name, begins, ends
    );
    made := made + 1;
  end loop;
  return made;
end
$$;
comment on table proxy_private.proxy_usage_events_default is
  'Usage events whose day has no partition. Maintenance empties it each night.';
comment on function proxy_private.make_usage_partitions is
  'Creates the missing daily partitions of proxy_usage_events from first_day to last_day '
  '(included), and moves the events that the default partition has of these days into them. '
  'Returns how many partitions it created. Fails (55P03) if recording does not pause within 2 s.';

select proxy_private.make_usage_partitions(
  (now() at time zone 'UTC')::date - 1, (now() at time zone 'UTC')::date + 40
);


create type proxy_private.raised_usage as (
  api_key_id uuid,
  occurred_at timestamptz,
  used_until timestamptz,
  counts boolean,
  requests bigint,
  bytes_sent bigint,
  bytes_received bigint,
  target_host text,
  site_length smallint,
  code text,
  count bigint,
  code_before text,
  count_before bigint,
  sent_before bigint,
  received_before bigint
);
comment on type proxy_private.raised_usage is
  'By how much a report raised a row of proxy_usage_events (requests, bytes_sent and '
  'bytes_received), and so by how much to raise the rollups; counts is false for refusals, which '
  'do not count as use of the key. code and count are the row''s new values. code_before, '
  'count_before, sent_before and received_before are its old values: null and 0 for a new row.';


-- Default privileges may grant too much: revoke all.
revoke all on table
  proxy_private.proxy_usage_events, proxy_private.counted_usage_events, proxy_private.proxy_usage_events_default
from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.is_refusal, proxy_private.usage_partition, proxy_private.partitioned_usage_days,
  proxy_private.make_usage_partitions
from public, anon, authenticated, service_role;
