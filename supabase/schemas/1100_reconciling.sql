-- Reconciling: rollups are checked against their events and repaired while events arrive. Like all
-- maintenance, it is for role postgres only, and its errors have Postgres's own SQLSTATEs.

-- reads one day of rollups without scanning years; hours arrive in order, so the index is tiny
create index proxy_usage_hourly_hour on proxy_private.proxy_usage_hourly using brin (hour);


-- A snapshot older than the lock would miss changes by the previous run. A row lock, because any
-- login that knows its number could hold an advisory lock.
create function proxy_private.take_maintenance_lock() returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
    raise exception 'Maintenance runs only in read committed transactions.'
      using errcode = 'invalid_transaction_state',
        hint = 'Start one with isolation level read committed.';
  end if;
  perform from proxy_private.maintenance_settings for update;
end
$$;
comment on function proxy_private.take_maintenance_lock is
  'Waits for other maintenance and blocks it until the transaction ends. Fails (25000) unless the '
  'transaction is read committed.';


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
  'How a rollup row differs from a recount: its rollup (hourly, target, outcome, monthly, '
  'account_hourly or account_monthly), its period by its first instant, its part if a key has '
  'several rows in the period, and found: missing (usage without a row), surplus (a row without '
  'usage) or different. requests, bytes_sent, bytes_received, errors and billed_bytes are what to '
  'add, negative if the row has too much. kept_… are the row''s values; without the prefix, the '
  'correct values.';


-- Each rollup by hour or day has a function <name>_usage_drift(day) that recounts the events. It is
-- one statement over one snapshot: an event and its share of the rollups are committed together, so
-- usage that is being recorded is in both or in neither.
create function proxy_private.usage_drift(day date) returns setof proxy_private.usage_correction
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  by_key proxy_private.usage_correction[];
begin
  if usage_drift.day is null then
    raise exception 'A day is required.' using errcode = 'null_value_not_allowed';
  end if;
  if exists (select from proxy_private.dropped_usage_days as d where d.day = usage_drift.day) then
    raise exception 'The events of % were dropped.', usage_drift.day
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Its rollups stay as they are. If all its events were restored, delete its row '
          'from proxy_private.dropped_usage_days.';
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
  'Compares the rollups of a day (UTC) with a recount of its events and returns the rows that '
  'differ, and monthly rows with a last use earlier than the events''. Changes nothing. Fails '
  '(55000) for a day whose events were dropped.';


-- Each rollup by month has a function <name>_usage_drift(month, corrections) that adds up the rows
-- by hour or day, because they outlive the events.
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
  'Compares the rollups of the date''s calendar month (UTC) with the sum of the hourly rollups '
  'after the corrections to its days, and returns the rows that differ. Changes nothing.';


-- Repairs add differences and never set figures, so usage recorded between the comparison and the
-- repair counts too. Each rollup is repaired once for all days, in the order in which record_usage
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
  -- a separate statement, whose snapshot is newer than the lock
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
  'Repairs the rollups of days (UTC) and of their months from the events, while events arrive, and '
  'returns what proxy_private.usage_drift and proxy_private.usage_month_drift found; no row if '
  'nothing differs. Fails (55000) for a day whose events were dropped, and (25000) unless the '
  'transaction is read committed.';


-- Revoke everything, even if default privileges are open.
revoke all on function
  proxy_private.take_maintenance_lock, proxy_private.usage_drift, proxy_private.usage_month_drift,
  proxy_private.reconcile_usage
from public, anon, authenticated, service_role;
