-- Maintenance: what runs each night, by pg_cron if available, otherwise by `npm run maintain`.

create table proxy_private.maintenance_log (
  id uuid primary key default proxy_private.uuid_v7(),
  -- the same for all reports of a run
  ran_at timestamptz not null default now(),
  task text not null,
  day date,
  outcome text not null,
  detail text not null
);
comment on table proxy_private.maintenance_log is
  'The reports of each run of proxy_private.maintain_usage, kept for 400 days: pg_cron does not '
  'keep results.';
alter table proxy_private.maintenance_log enable row level security;


create type proxy_private.maintenance_report as (
  task text,
  day date,
  outcome text,
  detail text
);
comment on type proxy_private.maintenance_report is
  'The result of a maintenance task. outcome is unchanged, made, repaired or dropped; or, if an '
  'operator should look, found, kept, skipped or failed.';


create function proxy_private.report_reconciling(days date[]) returns setof proxy_private.maintenance_report
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  -- before the events are read, so that a day that changes meanwhile is checked again
  checks proxy_private.reconciled_usage_days[] := array(
    select proxy_private.check_of_usage_day(d) from unnest(report_reconciling.days) as d order by d
  );
  corrections proxy_private.usage_correction[] := array(
    select c from proxy_private.reconcile_usage(variadic report_reconciling.days) as c
  );
begin
  insert into proxy_private.reconciled_usage_days as r
  select c.* from unnest(checks) as c
  on conflict (day) do update set
    checked_at = excluded.checked_at,
    changes = excluded.changes,
    counted_since = excluded.counted_since;
  return query
  select
    'reconcile', k.day, case when count(c.rollup) = 0 then 'unchanged' else 'repaired' end,
    case
      when count(c.rollup) = 0 then 'No drift.'
      else format(
        'Drift in %s rows: %s requests and %s bytes.',
        count(*), sum(c.requests), sum(c.bytes_sent + c.bytes_received)
      )
    end
  from unnest(checks) as k
  left join unnest(corrections) as c on c.rollup <> 'monthly' and c.period::date = k.day
  group by k.day
  order by k.day;
  return query
  select
    'reconcile', null::date, 'repaired',
    format(
      'Drift in %s monthly rows: %s changes by %s requests and %s bytes.', count(*),
      to_char(c.period, 'YYYY-MM'), sum(c.requests), sum(c.bytes_sent + c.bytes_received)
    )
  from unnest(corrections) as c
  where c.rollup = 'monthly'
  group by c.period
  order by c.period;
end
$$;
comment on function proxy_private.report_reconciling is
  'Runs proxy_private.reconcile_usage, reports what it found, and records the days as checked.';


create function proxy_private.report_retention() returns setof proxy_private.maintenance_report
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  -- before the events are locked
  removed bigint := proxy_private.drop_old_targets();
begin
  if removed > 0 then
    return query
    select
      'retention', null::date, 'dropped',
      format('%s rows by target and outcome older than %s days.', removed, s.keep_targets_days)
    from proxy_private.maintenance_settings as s;
  end if;
  return query
  select
    'retention', r.day, r.action,
    case
      when r.action = 'dropped' then format(
        '%s events of %s bytes (%s on disk); their rollups stay.',
        r.events, r.bytes, pg_size_pretty(r.disk_bytes)
      )
      when r.reason = 'drift' then format('Drift in %s rows of its rollups: reconcile it.', r.drift)
      when r.reason = 'not archived' then 'Not archived: archive it.'
      when r.reason = 'archive is stale' then 'Its archive has other events: archive it again.'
      when r.reason = 'restored' then 'Dropped before, then restored.'
      else 'In use: run retention again.'
    end
  from proxy_private.drop_old_usage() as r;
  if not found then
    return query
    select
      'retention', null::date, 'unchanged', format('Nothing is older than %s days.', s.keep_days)
    from proxy_private.maintenance_settings as s;
  end if;
end
$$;
comment on function proxy_private.report_retention is
  'Runs proxy_private.drop_old_targets and proxy_private.drop_old_usage, and reports what they '
  'did.';


create function proxy_private.report_partitions(today date) returns proxy_private.maintenance_report
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  last_day date := report_partitions.today + 40;
  made integer := proxy_private.make_usage_partitions(report_partitions.today - 1, last_day)
    + proxy_private.empty_default_partition();
begin
  return (
    'partitions', null, case when made = 0 then 'unchanged' else 'made' end,
    format('%s partitions were missing up to %s.', made, last_day)
  )::proxy_private.maintenance_report;
end
$$;
comment on function proxy_private.report_partitions is
  'Creates the missing partitions from the day before `today` to 40 days after it, and those of '
  'the days in the default partition.';


-- Reconciling takes long and locks little, so it comes first; tasks that lock the events come last,
-- because locks are held until the end. With each task in its own statement, they are held for
-- less.
create function proxy_private.maintain_usage(
  tasks text[] default '{reconcile,retention,partitions,accounts,privileges,alerts}',
  days date[] default null
) returns setof proxy_private.maintenance_report
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  next_task text;
  reports proxy_private.maintenance_report[] := '{}';
  outcomes proxy_private.maintenance_report[];
  failure text;
begin
  if not maintain_usage.tasks <@ '{reconcile,retention,partitions,accounts,privileges,alerts}' then
    raise exception 'Unknown maintenance task.'
      using errcode = 'invalid_parameter_value',
        hint = 'The tasks are reconcile, retention, partitions, accounts, privileges and alerts.';
  end if;
  perform from proxy_private.maintenance_settings for update skip locked;
  if not found then
    return query
    select t, null::date, 'skipped', 'Other maintenance is running.'
    from unnest(maintain_usage.tasks) as t;
    return;
  end if;

  foreach next_task in array maintain_usage.tasks loop
    -- a task that fails does not stop the others
    begin
      if next_task = 'reconcile' then
        outcomes := array(
          select r
          from proxy_private.report_reconciling(
            coalesce(maintain_usage.days, array(select proxy_private.usage_days_to_check()))
          ) as r
        );
      elsif next_task = 'retention' then
        outcomes := array(select r from proxy_private.report_retention() as r);
      elsif next_task = 'accounts' then
        outcomes := array[proxy_private.report_accounts()];
      elsif next_task = 'privileges' then
        outcomes := array(select r from proxy_private.report_privileges() as r);
      elsif next_task = 'alerts' then
        outcomes := array[proxy_private.report_alerts()];
      else
        outcomes := array[proxy_private.report_partitions(now()::date)];
      end if;
    exception when others then
      get stacked diagnostics failure = message_text;
      outcomes := array[
        (next_task, null, 'failed', sqlstate || ': ' || failure)::proxy_private.maintenance_report
      ];
    end;
    reports := reports || outcomes;
  end loop;

  insert into proxy_private.maintenance_log (task, day, outcome, detail)
  select r.task, r.day, r.outcome, r.detail from unnest(reports) as r;
  delete from proxy_private.maintenance_log as l where l.ran_at < now() - interval '400 days';
  return query select r.* from unnest(reports) as r;
end
$$;
comment on function proxy_private.maintain_usage is
  'Reconciles yesterday, today and older days whose events changed since (or `days`), drops usage '
  'that is older than proxy_private.maintenance_settings keeps, creates the partitions of the next '
  '40 days, checks the owners'' accounts and the gateways'' privileges, and raises the hourly '
  'alerts. Returns the result of each task and logs it in proxy_private.maintenance_log; a task '
  'that fails is reported and does not stop the others. If another run is in progress, all tasks '
  'are skipped.';


-- One job per task, so that each task has its own transaction. No error here may fail a migration:
-- a database without jobs is maintained by `npm run maintain`.
create function proxy_private.schedule_maintenance() returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  failure text;
begin
  if to_regnamespace('cron') is null then
    if not exists (select from pg_available_extensions as e where e.name = 'pg_cron') then
      return false;
    end if;
    create extension if not exists pg_cron with schema pg_catalog;
  end if;
  perform cron.schedule(
    j.name,
    j.schedule,
    -- a hosted database cancels statements after two minutes
    format('set statement_timeout = 0; select * from proxy_private.maintain_usage(tasks => %L)', j.tasks)
  )
  from (
    values
      -- each hour: keys that expire soon, and unusual usage
      ('proxy_alerts', '5 * * * *', '{alerts}'),
      ('proxy_usage_partitions', '7 2 * * *', '{partitions}'),
      ('proxy_usage_reconcile', '17 2 * * *', '{reconcile}'),
      ('proxy_usage_retention', '47 3 * * *', '{retention}'),
      ('proxy_accounts', '52 3 * * *', '{accounts}'),
      ('proxy_gateway_privileges', '57 3 * * *', '{privileges}')
  ) as j (name, schedule, tasks);
  -- pg_cron's own log gets one row per run of this job
  perform cron.schedule('proxy_deliver', '* * * * *', 'select proxy_private.kick_delivery()');
  return true;
exception when others then
  get stacked diagnostics failure = message_text;
  raise notice 'Maintenance is not scheduled: %', failure;
  return false;
end
$$;
comment on function proxy_private.schedule_maintenance is
  'Schedules proxy_private.maintain_usage each night (UTC), its alerts each hour and deliveries '
  'each minute, if pg_cron is available; it may be called again. Returns whether it did; a failure '
  'raises a notice.';

select proxy_private.schedule_maintenance();


-- Revoke everything, even if default privileges are open.
revoke all on table proxy_private.maintenance_log from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.report_reconciling, proxy_private.report_retention, proxy_private.report_partitions,
  proxy_private.maintain_usage, proxy_private.schedule_maintenance
from public, anon, authenticated, service_role;
