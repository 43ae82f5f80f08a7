-- Reconciling: rollups checked against their events and repaired, while events arrive. As all of
-- maintenance it is for role postgres alone, and its errors carry Postgres's own SQLSTATEs.

-- a day of rollups is read without reading all the years; hours arrive in order, so it is tiny
create index proxy_usage_hourly_hour on proxy_private.proxy_usage_hourly using brin (hour);


-- A snapshot older than the lock would show what the run before has changed since. A row and no
-- advisory lock, which any login could hold that knows its number.
create function proxy_private.take_maintenance_lock() returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
    raise exception 'Maintenance runs in read committed transactions only.'
      using errcode = 'invalid_transaction_state', hint = 'Begin one without an isolation level.';
  end if;
  perform from proxy_private.maintenance_settings for update;
end
$$;
comment on function proxy_private.take_maintenance_lock is
  'Waits for other maintenance and holds it off until the transaction ends. Fails (25000) in a '
  'transaction whose statements do not see what others have committed since it began.';


create type proxy_private.usage_correction as (
  rollup text,
  api_key_id uuid,
  period timestamptz,
  part text,
  found text,
  requests bigint,
  bytes_sent bigint,
  bytes_received bigint,
  kept_last_used_at timestamptz,
  last_used_at timestamptz,
  kept_user_id uuid,
  user_id uuid,
  errors bigint,
  billed_bytes bigint
);
comment on type proxy_private.usage_correction is
  'What a rollup row lacks against a recount. rollup: hourly, target, outcome or monthly. period: its first instant. '
  'part: which of the key''s rows of that period, where it has several. found: missing (usage '
  'without a row), surplus (a row without usage) or different. requests, bytes_sent, '
  'bytes_received, errors, billed_bytes: what to add; negative where the row says too much. kept_…: what the row says; '
  'without the prefix: what it must say.';


-- A rollup by hour or day is a function <name>_usage_drift(day) here, which recounts the events.
-- One statement over one snapshot: an event and its share of the rollups are committed together, so
-- what is being recorded meanwhile is in both or in neither.
create function proxy_private.usage_drift(day date) returns setof proxy_private.usage_correction
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  by_key proxy_private.usage_correction[];
begin
  if usage_drift.day is null then
    raise exception 'The day is missing.' using errcode = 'null_value_not_allowed';
  end if;
  if exists (select from proxy_private.dropped_usage_days as d where d.day = usage_drift.day) then
    raise exception 'The events of % were dropped.', usage_drift.day
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Its rollups stand as they are. If its events were put back, all of them, delete '
          'its row of proxy_private.dropped_usage_days.';
  end if;
  by_key := array(select d from proxy_private.hourly_usage_drift(usage_drift.day) as d);
  return query
  select d.* from unnest(by_key) as d
  union all
  select d.* from proxy_private.account_hourly_usage_drift(usage_drift.day, by_key) as d
  union all
  select d.* from proxy_private.target_usage_drift(usage_drift.day) as d
  union all
  select d.* from proxy_private.outcome_usage_drift(usage_drift.day) as d
  order by rollup, api_key_id, period, part;
end
$$;
comment on function proxy_private.usage_drift is
  'Compares the rollups of a day (UTC) with a recount of its events, and returns the rows that '
  'differ; none where all stand. A monthly row among them was used later than it says. Changes '
  'nothing. Fails (55000) for a day whose events were dropped.';


-- A rollup by month is a function <name>_usage_drift(month, corrections) here, which adds up those by
-- hour or day: they outlive the events.
create function proxy_private.usage_month_drift(
  month date, corrections proxy_private.usage_correction[] default '{}'
) returns setof proxy_private.usage_correction
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  first_day date := date_trunc('month', usage_month_drift.month)::date;
  by_key proxy_private.usage_correction[] := array(
    select d from proxy_private.monthly_usage_drift(first_day, usage_month_drift.corrections) as d
  );
begin
  return query
  select d.* from unnest(by_key) as d
  union all
  select d.* from proxy_private.account_monthly_usage_drift(first_day, by_key) as d
  order by rollup, api_key_id, period, part;
end
$$;
comment on function proxy_private.usage_month_drift is
  'Compares the rollups of the calendar month (UTC) that the date is in with what those by hour add '
  'up to once the corrections of its days are made, and returns the rows that differ. Changes nothing.';


-- Differences are added, never figures set: what is recorded between the comparison and the repair
-- then counts as well. Each rollup is repaired once for all days, in the order in which record_usage
-- takes the rows of all rollups, by a function repair_<name>_usage(corrections).
create function proxy_private.reconcile_usage(variadic days date[])
returns setof proxy_private.usage_correction
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  corrections proxy_private.usage_correction[];
begin
  perform proxy_private.take_maintenance_lock();
  -- a statement by itself, whose snapshot is younger than the lock
  corrections := array(
    select d from unnest(reconcile_usage.days) as t (day), proxy_private.usage_drift(t.day) as d
  );
  corrections := array(
    select c from unnest(corrections) as c where c.rollup <> 'monthly'
    union all
    select d
    from (select distinct date_trunc('month', t.day)::date from unnest(days) as t (day)) as m (month),
      proxy_private.usage_month_drift(m.month, corrections) as d
  );
  if cardinality(corrections) > 0 then
    perform proxy_private.repair_monthly_usage(corrections);
    perform proxy_private.repair_hourly_usage(corrections);
    perform proxy_private.repair_account_usage(corrections);
    perform proxy_private.repair_target_usage(corrections);
    perform proxy_private.repair_outcome_usage(corrections);
  end if;
  return query
  select c.* from unnest(corrections) as c order by rollup, api_key_id, period, part;
end
$$;
comment on function proxy_private.reconcile_usage is
  'Repairs the rollups of days (UTC) from their events, and those of their months, while events '
  'arrive, and returns what proxy_private.usage_drift and proxy_private.usage_month_drift found; no row where '
  'all stood. Fails (55000) for a day whose events were dropped, and (25000) outside of read committed.';


-- All of this is closed, then opened to those who need it: also where default privileges are open.
revoke all on function
  proxy_private.take_maintenance_lock, proxy_private.usage_drift, proxy_private.usage_month_drift,
  proxy_private.reconcile_usage
from public, anon, authenticated, service_role;
