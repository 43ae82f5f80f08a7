-- Maintenance: what is done each night, by pg_cron where there is one, else by `npm run maintain`.

create table private.maintenance_log (
  id uuid primary key default private.uuid_v7(),
  ran_at timestamptz not null default clock_timestamp(),
  task text not null,
  month date,
  outcome text not null,
  detail text not null
);
comment on table private.maintenance_log is
  'What each run of private.maintain_usage reported, for 400 days: pg_cron keeps no answers.';
alter table private.maintenance_log enable row level security;


create type private.maintenance_report as (
  task text,
  month date,
  outcome text,
  detail text
);
comment on type private.maintenance_report is
  'What came of a task of maintenance. outcome: unchanged, made, repaired or dropped; or, where '
  'somebody should look, found, kept, skipped or failed.';


create function private.report_reconciling(month date) returns private.maintenance_report
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  found record;
begin
  select
    count(*) filter (where c.rollup = 'hourly') as hourly,
    count(*) filter (where c.rollup = 'monthly') as monthly,
    coalesce(sum(c.requests) filter (where c.rollup = 'monthly'), 0) as requests,
    coalesce(sum(c.bytes_sent + c.bytes_received) filter (where c.rollup = 'monthly'), 0) as bytes
  into found
  from private.reconcile_usage(report_reconciling.month) as c;
  if found.hourly = 0 and found.monthly = 0 then
    return (
      'reconcile', report_reconciling.month, 'unchanged', 'No drift.'
    )::private.maintenance_report;
  end if;
  return (
    'reconcile', report_reconciling.month, 'repaired',
    format(
      'Drift in %s hourly and %s monthly rows; the month changes by %s requests and %s bytes.',
      found.hourly, found.monthly, found.requests, found.bytes
    )
  )::private.maintenance_report;
end
$$;
comment on function private.report_reconciling is
  'Runs private.reconcile_usage and says in one row what it found.';


create function private.report_retention(keep_months integer)
returns setof private.maintenance_report
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if report_retention.keep_months is null then
    return query
    select 'retention', null::date, 'unchanged', 'No age is set: events are kept for ever.';
    return;
  end if;
  return query
  select
    'retention', r.month, r.action,
    case
      when r.action = 'dropped' then format(
        '%s events of %s bytes, whose rollups stay; %s of disk.',
        r.events, r.bytes, pg_size_pretty(r.disk_bytes)
      )
      when r.reason = 'drift' then format('Drift in %s rows of its rollups: reconcile it.', r.drift)
      when r.reason = 'restored' then 'Dropped before, and put back.'
      else 'In use: run it again.'
    end
  from private.drop_old_usage(report_retention.keep_months) as r;
  if not found then
    return query
    select
      'retention', null::date, 'unchanged',
      format('Nothing is older than %s months.', report_retention.keep_months);
  end if;
end
$$;
comment on function private.report_retention is
  'Runs private.drop_old_usage, unless the age is null, and says in rows what it did.';


create function private.report_partitions(first_month date) returns private.maintenance_report
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  last_month date := report_partitions.first_month + interval '12 months';
  made integer := private.empty_default_partition()
    + private.make_usage_partitions(report_partitions.first_month, last_month);
begin
  return (
    'partitions', null, case when made = 0 then 'unchanged' else 'made' end,
    format('%s were missing up to %s.', made, to_char(last_month, 'YYYY-MM'))
  )::private.maintenance_report;
end
$$;
comment on function private.report_partitions is
  'Makes the partitions of the month and the 12 after it, and of what the default partition holds.';


-- Reconciling takes long and locks little, so it comes first; what locks the events comes last, as
-- locks are held until all is done. Each task in a statement of its own is kinder still.
create function private.maintain_usage(
  keep_months integer default null,
  tasks text[] default '{reconcile,retention,partitions,accounts,privileges}',
  months date[] default null
) returns setof private.maintenance_report
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  this_month date := date_trunc('month', now())::date;
  age integer := coalesce(
    maintain_usage.keep_months, (select s.keep_months from private.maintenance_settings as s)
  );
  step record;
  report private.maintenance_report;
  reports private.maintenance_report[] := '{}';
  outcomes private.maintenance_report[];
  failure text;
begin
  if not maintain_usage.tasks <@ '{reconcile,retention,partitions,accounts,privileges}' then
    raise exception 'There is no such task.'
      using errcode = 'invalid_parameter_value',
        hint = 'The tasks are reconcile, retention, partitions, accounts and privileges.';
  end if;
  perform from private.maintenance_settings for update skip locked;
  if not found then
    return query
    select t, null::date, 'skipped', 'Other maintenance is running.'
    from unnest(maintain_usage.tasks) as t;
    return;
  end if;

  for step in
    select t.task, m.month
    from unnest(maintain_usage.tasks) with ordinality as t (task, position)
    left join unnest(
      coalesce(maintain_usage.months, array[(this_month - interval '1 month')::date, this_month])
    ) as m (month) on t.task = 'reconcile'
    order by t.position, m.month
  loop
    -- one that fails does not stop the others
    begin
      if step.task = 'reconcile' then
        outcomes := array[private.report_reconciling(step.month)];
      elsif step.task = 'retention' then
        outcomes := array(select r from private.report_retention(age) as r);
      elsif step.task = 'accounts' then
        outcomes := array[private.report_accounts()];
      elsif step.task = 'privileges' then
        outcomes := array(select r from private.report_privileges() as r);
      else
        outcomes := array[private.report_partitions(this_month)];
      end if;
    exception when others then
      get stacked diagnostics failure = message_text;
      outcomes := array[
        (step.task, step.month, 'failed', sqlstate || ': ' || failure)::private.maintenance_report
      ];
    end;
    reports := reports || outcomes;
  end loop;

  insert into private.maintenance_log (task, month, outcome, detail)
  select r.task, r.month, r.outcome, r.detail from unnest(reports) as r;
  delete from private.maintenance_log as l where l.ran_at < now() - interval '400 days';
  return query select r.* from unnest(reports) as r;
end
$$;
comment on function private.maintain_usage is
  'Maintenance: reconciles the last month and this one (or `months`), drops the events of months '
  'older than keep_months (default: that of private.maintenance_settings; null drops nothing), and '
  'makes the partitions of the coming 12 months, and checks the owners'' accounts and the gateways'' privileges. Returns what came of each, and logs it in '
  'private.maintenance_log. A task that fails is reported, and does not stop the others. Another '
  'run at the same time is skipped.';


-- A job a task, so that each has a transaction of its own. Nothing of this may fail a migration: a
-- database without jobs is maintained by `npm run maintain`.
create function private.schedule_maintenance() returns boolean
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
    -- a hosted database ends what takes over two minutes
    format('set statement_timeout = 0; select * from private.maintain_usage(tasks => %L)', j.tasks)
  )
  from (
    values
      ('proxy_usage_partitions', '7 2 * * *', '{partitions}'),
      ('proxy_usage_reconcile', '17 2 * * *', '{reconcile}'),
      ('proxy_usage_retention', '47 3 * * *', '{retention}'),
      ('proxy_accounts', '52 3 * * *', '{accounts}'),
      ('proxy_gateway_privileges', '57 3 * * *', '{privileges}')
  ) as j (name, schedule, tasks);
  return true;
exception when others then
  get stacked diagnostics failure = message_text;
  raise notice 'Maintenance is not scheduled: %', failure;
  return false;
end
$$;
comment on function private.schedule_maintenance is
  'Schedules private.maintain_usage each night (UTC) where pg_cron is available, anew if it was '
  'scheduled before. Returns whether it did; a failure is a notice.';

select private.schedule_maintenance();


-- All of this is closed, then opened to those who need it: also where default privileges are open.
revoke all on table private.maintenance_log from public, anon, authenticated, service_role;
revoke all on function
  private.report_reconciling, private.report_retention, private.report_partitions,
  private.maintain_usage, private.schedule_maintenance
from public, anon, authenticated, service_role;
