-- Reconciling: rollups checked against their events and repaired, while events arrive. As all of
-- maintenance it is for role postgres alone, and its errors carry Postgres's own SQLSTATEs.

-- a month of rollups is read without reading all the years; hours arrive in order, so it is tiny
create index proxy_usage_hourly_hour on private.proxy_usage_hourly using brin (hour);


-- A snapshot older than the lock would show what the run before has changed since. A row and no
-- advisory lock, which any login could hold that knows its number.
create function private.take_maintenance_lock() returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
    raise exception 'Maintenance runs in read committed transactions only.'
      using errcode = 'invalid_transaction_state', hint = 'Begin one without an isolation level.';
  end if;
  perform from private.maintenance_settings for update;
end
$$;
comment on function private.take_maintenance_lock is
  'Waits for other maintenance and holds it off until the transaction ends. Fails (25000) in a '
  'transaction whose statements do not see what others have committed since it began.';


create table private.dropped_usage_months (
  month date primary key,
  dropped_at timestamptz not null default clock_timestamp(),
  events bigint not null,
  bytes bigint not null,
  constraint "a month is named by its first day" check (extract(day from month) = 1)
);
comment on table private.dropped_usage_months is
  'Months whose events retention has dropped: their rollups can no longer be recounted, and stay '
  'as they are. Who puts such a month back deletes its row once all of its events are there.';
comment on column private.dropped_usage_months.bytes is 'Metered in and out, as the rollups say.';
alter table private.dropped_usage_months enable row level security;


create type private.usage_correction as (
  rollup text,
  api_key_id uuid,
  period timestamptz,
  found text,
  requests bigint,
  bytes_sent bigint,
  bytes_received bigint,
  kept_last_used_at timestamptz,
  last_used_at timestamptz,
  kept_user_id uuid,
  user_id uuid
);
comment on type private.usage_correction is
  'What a rollup row lacks against a recount of its events. rollup: hourly or monthly. period: its '
  'first instant. found: missing (events without a row), surplus (a row without events) or '
  'different. requests, bytes_sent, bytes_received: what to add; negative where the row says too '
  'much. kept_…: what the row says; without the prefix: what it must say.';


-- One statement over one snapshot: an event and its share of the rollups are committed together, so
-- what is being recorded meanwhile is in both or in neither.
create function private.usage_drift(month date) returns setof private.usage_correction
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  first_day date := date_trunc('month', usage_drift.month)::date;
  begins timestamptz := first_day;
  ends timestamptz := first_day + interval '1 month';
begin
  if first_day is null then
    raise exception 'The month is missing.' using errcode = 'null_value_not_allowed';
  end if;
  if exists (select from private.dropped_usage_months as d where d.month = first_day) then
    raise exception 'The events of % were dropped.', to_char(first_day, 'YYYY-MM')
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Its rollups stand as they are. If its events were put back, all of them, delete '
          'its row of private.dropped_usage_months.';
  end if;

  return query
  with counted_hours as materialized (
    select
      e.api_key_id,
      date_trunc('hour', e.occurred_at) as hour,
      sum(e.count)::bigint as requests,
      -- as record_usage bounds them
      least(sum(e.bytes_sent), 9007199254740991)::bigint as bytes_sent,
      least(sum(e.bytes_received), 9007199254740991)::bigint as bytes_received,
      max(e.occurred_at + e.duration_ms * interval '1 ms') as last_used_at
    from private.counted_usage_events as e
    where e.occurred_at >= begins and e.occurred_at < ends
    group by 1, 2
  ),
  counted as (
    select
      'hourly' as rollup, h.api_key_id, h.hour as period, h.requests, h.bytes_sent,
      h.bytes_received, null::timestamptz as last_used_at
    from counted_hours as h
    union all
    select
      'monthly', h.api_key_id, begins, sum(h.requests)::bigint,
      least(sum(h.bytes_sent), 9007199254740991)::bigint,
      least(sum(h.bytes_received), 9007199254740991)::bigint, max(h.last_used_at)
    from counted_hours as h
    group by h.api_key_id
  ),
  kept as (
    select
      'hourly' as rollup, h.api_key_id, h.hour as period, h.user_id, h.requests, h.bytes_sent,
      h.bytes_received, null::timestamptz as last_used_at
    from private.proxy_usage_hourly as h
    where h.hour >= begins and h.hour < ends
    union all
    select
      'monthly', m.api_key_id, begins, m.user_id, m.requests, m.bytes_sent, m.bytes_received,
      m.last_used_at
    from private.proxy_usage_monthly as m
    where m.month = first_day
  ),
  compared as (
    select
      rollup,
      api_key_id,
      period,
      case
        when k.requests is null then 'missing' when c.requests is null then 'surplus'
        else 'different'
      end as found,
      coalesce(c.requests, 0) - coalesce(k.requests, 0) as requests,
      coalesce(c.bytes_sent, 0) - coalesce(k.bytes_sent, 0) as bytes_sent,
      coalesce(c.bytes_received, 0) - coalesce(k.bytes_received, 0) as bytes_received,
      k.last_used_at as kept_last_used_at,
      -- of a surplus row nothing is known but what it says
      coalesce(c.last_used_at, k.last_used_at) as last_used_at,
      k.user_id as kept_user_id,
      -- a key keeps its owner; of an account that is gone the row alone says whose it was
      coalesce(o.user_id, k.user_id) as user_id
    from counted as c
    full join kept as k using (rollup, api_key_id, period)
    left join private.proxy_keys as o on o.id = api_key_id
  )
  select
    d.rollup, d.api_key_id, d.period, d.found, d.requests, d.bytes_sent, d.bytes_received,
    d.kept_last_used_at, d.last_used_at, d.kept_user_id, d.user_id
  from compared as d
  where d.found <> 'different'
    or (d.requests, d.bytes_sent, d.bytes_received) <> (0, 0, 0)
    or d.kept_last_used_at <> d.last_used_at
    or d.kept_user_id is distinct from d.user_id
  order by d.rollup, d.api_key_id, d.period;
end
$$;
comment on function private.usage_drift is
  'Compares the rollups of the calendar month (UTC) that the date is in with a recount of its '
  'events, and returns the rows that differ; none where all stand. Changes nothing. Fails (55000) '
  'for a month whose events were dropped.';


-- Differences are added, never figures set: what is recorded between the comparison and the repair
-- then counts as well. Rows are taken in record_usage's order, which is the monthly ones first: of
-- several CTEs that write, Postgres runs the last one first.
create function private.reconcile_usage(month date) returns setof private.usage_correction
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  first_day date := date_trunc('month', reconcile_usage.month)::date;
  begins timestamptz := first_day;
  ends timestamptz := first_day + interval '1 month';
  corrections private.usage_correction[];
begin
  perform private.take_maintenance_lock();
  -- a statement of its own, whose snapshot is younger than the lock
  corrections := array(select d from private.usage_drift(first_day) as d);

  insert into private.proxy_usage_monthly as m (
    api_key_id, month, user_id, requests, bytes_sent, bytes_received, last_used_at
  )
  select
    c.api_key_id, first_day, c.user_id, c.requests, c.bytes_sent, c.bytes_received, c.last_used_at
  from unnest(corrections) as c
  where c.rollup = 'monthly'
  order by c.api_key_id
  on conflict on constraint proxy_usage_monthly_pkey do update set
    user_id = excluded.user_id,
    requests = m.requests + excluded.requests,
    bytes_sent = least(m.bytes_sent + excluded.bytes_sent, 9007199254740991),
    bytes_received = least(m.bytes_received + excluded.bytes_received, 9007199254740991),
    last_used_at = greatest(m.last_used_at, excluded.last_used_at);

  insert into private.proxy_usage_hourly as h (
    api_key_id, hour, user_id, requests, bytes_sent, bytes_received
  )
  select c.api_key_id, c.period, c.user_id, c.requests, c.bytes_sent, c.bytes_received
  from unnest(corrections) as c
  where c.rollup = 'hourly'
  order by c.api_key_id, c.period
  on conflict on constraint proxy_usage_hourly_pkey do update set
    user_id = excluded.user_id,
    requests = h.requests + excluded.requests,
    bytes_sent = least(h.bytes_sent + excluded.bytes_sent, 9007199254740991),
    bytes_received = least(h.bytes_received + excluded.bytes_received, 9007199254740991);

  -- The rows are locked now: who raised one before has committed, and who will raise it waits. So a
  -- last use that was too late can be set, and a row be told to have no event.
  update private.proxy_usage_monthly as m set last_used_at = u.last_used_at
  from unnest(corrections) as c
  cross join lateral (
    select max(e.occurred_at + e.duration_ms * interval '1 ms') as last_used_at
    from private.counted_usage_events as e
    where e.api_key_id = c.api_key_id and e.occurred_at >= begins and e.occurred_at < ends
  ) as u
  where c.rollup = 'monthly'
    and m.api_key_id = c.api_key_id and m.month = first_day
    and m.last_used_at <> u.last_used_at;

  delete from private.proxy_usage_monthly as m using unnest(corrections) as c
  where c.rollup = 'monthly' and c.found = 'surplus'
    and m.api_key_id = c.api_key_id and m.month = first_day
    and (m.requests, m.bytes_sent, m.bytes_received) = (0, 0, 0)
    and not exists (
      select from private.counted_usage_events as e
      where e.api_key_id = m.api_key_id and e.occurred_at >= begins and e.occurred_at < ends
    );
  delete from private.proxy_usage_hourly as h using unnest(corrections) as c
  where c.rollup = 'hourly' and c.found = 'surplus'
    and h.api_key_id = c.api_key_id and h.hour = c.period
    and (h.requests, h.bytes_sent, h.bytes_received) = (0, 0, 0)
    and not exists (
      select from private.counted_usage_events as e
      where e.api_key_id = h.api_key_id and e.occurred_at >= begins and e.occurred_at < ends
        and date_trunc('hour', e.occurred_at) = h.hour
    );

  return query select c.* from unnest(corrections) as c;
end
$$;
comment on function private.reconcile_usage is
  'Repairs the rollups of the calendar month (UTC) that the date is in from its events, while '
  'events arrive, and returns what private.usage_drift found; no row where all stood. Fails (55000) '
  'for a month whose events were dropped, and (25000) outside of read committed.';


-- All of this is closed, then opened to those who need it: also where default privileges are open.
revoke all on table private.dropped_usage_months from public, anon, authenticated, service_role;
revoke all on function
  private.take_maintenance_lock, private.usage_drift, private.reconcile_usage
from public, anon, authenticated, service_role;
