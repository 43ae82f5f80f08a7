-- Retention: the events of old months are dropped, a whole partition at a time; rollups stay.

create table private.maintenance_settings (
  id boolean primary key default true,
  keep_months integer,
  constraint "there is one row" check (id),
  -- as in private.drop_old_usage
  constraint "a repeat can be told for as long as it is taken" check (keep_months >= 4)
);
comment on table private.maintenance_settings is
  'One row, for the operator: update private.maintenance_settings set keep_months = 13. Maintenance '
  'holds it locked, so that one run waits for another.';
comment on column private.maintenance_settings.keep_months is
  'How many whole months of events are kept beside the current one; null keeps them for ever.';
alter table private.maintenance_settings enable row level security;
insert into private.maintenance_settings (keep_months) values (null);


-- Every month that the net has caught gets its partition, and takes its events out of the net.
create function private.empty_default_partition() returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  caught date;
  made integer := 0;
begin
  for caught in
    select distinct date_trunc('month', e.occurred_at)::date
    from private.proxy_usage_events_default as e
  loop
    made := made + private.make_usage_partitions(caught, caught);
  end loop;
  return made;
end
$$;
comment on function private.empty_default_partition is
  'Makes the partitions of the months whose events are in the default partition, and returns how '
  'many. Fails as private.make_usage_partitions does.';


create type private.usage_retention as (
  month date,
  action text,
  reason text,
  events bigint,
  bytes bigint,
  disk_bytes bigint,
  drift bigint
);
comment on type private.usage_retention is
  'What retention did with an old month. action: dropped; kept (reason: drift, its rollups do not '
  'stand, or restored, it was dropped before and put back); skipped (reason: in use, a lock was '
  'not to be had in time; without a month: on the default partition). bytes: metered in and out. '
  'drift: rollup rows that do not stand.';


-- All months are checked before the first is dropped: from then on nobody can read or record events
-- until the transaction ends.
create function private.drop_old_usage(keep_months integer)
returns setof private.usage_retention
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- none at first, for other maintenance may take minutes; and what is set below ends with the call
set lock_timeout = 0
as $$
declare
  first_kept date;
  old_month date;
  old private.usage_retention;
  standing private.usage_retention[] := '{}';
  in_use boolean := false;
begin
  -- record_usage takes events of the last 93 days, and tells a repeat by finding the event
  if (drop_old_usage.keep_months >= 4) is not true then
    raise exception 'At least 4 months of events must be kept.'
      using errcode = 'invalid_parameter_value',
        hint = 'Events of the last 93 days may be reported again, and must be found then.';
  end if;
  first_kept := date_trunc('month', now())
    - make_interval(months => drop_old_usage.keep_months);
  perform private.take_maintenance_lock();
  -- those who record wait behind this for as long
  perform set_config('lock_timeout', '1s', true);

  begin
    perform private.empty_default_partition();
  exception when lock_not_available then
    old := (null, 'skipped', 'in use', null, null, null, null);
    return next old;
  end;

  for old_month in
    select to_date(right(c.relname, 7), 'YYYY_MM') as month
    from pg_inherits as i
    join pg_class as c on c.oid = i.inhrelid
    where i.inhparent = 'private.proxy_usage_events'::regclass
      and c.relname ~ '^proxy_usage_events_\d{4}_\d{2}$'
      and to_date(right(c.relname, 7), 'YYYY_MM') < first_kept
    order by 1
  loop
    old := (old_month, 'kept', null, null, null, null, null);
    if exists (select from private.dropped_usage_months as d where d.month = old_month) then
      old.reason := 'restored';
      return next old;
      continue;
    end if;
    begin
      -- nobody writes there while it is counted
      execute format('lock table %s in share mode', private.usage_partition(old_month));
    exception when lock_not_available then
      old.action := 'skipped';
      old.reason := 'in use';
      return next old;
      continue;
    end;
    old.disk_bytes := pg_total_relation_size(private.usage_partition(old_month));
    select
      count(*),
      -- a stolen gateway can report more than a bigint holds, and must not keep months from leaving
      least(coalesce(sum(e.bytes_sent + e.bytes_received), 0), 9223372036854775807)
    into old.events, old.bytes
    from private.proxy_usage_events as e
    where e.occurred_at >= old_month::timestamptz
      and e.occurred_at < (old_month + interval '1 month')::timestamptz;
    select count(*) into old.drift from private.usage_drift(old_month);
    if old.drift > 0 then
      old.reason := 'drift';
      return next old;
    else
      standing := standing || old;
    end if;
  end loop;

  foreach old in array standing loop
    begin
      -- after one that is in use the others are not tried: each would make recording wait again
      if in_use then
        raise lock_not_available;
      end if;
      execute format('drop table %s', private.usage_partition(old.month));
      insert into private.dropped_usage_months (month, events, bytes)
      values (old.month, old.events, old.bytes);
      old.action := 'dropped';
    exception when lock_not_available then
      in_use := true;
      old.action := 'skipped';
      old.reason := 'in use';
    end;
    return next old;
  end loop;
end
$$;
comment on function private.drop_old_usage is
  'Drops the partitions of the months before the last keep_months whole ones, oldest first, each '
  'only if its rollups stand, and notes them in private.dropped_usage_months; rollups stay. '
  'Returns a row for each old month. Recording waits at most about 1 s for a lock that is not to '
  'be had. Fails (22023) for fewer than 4 months, and (25000) outside of read committed.';


-- All of this is closed, then opened to those who need it: also where default privileges are open.
revoke all on table private.maintenance_settings from public, anon, authenticated, service_role;
revoke all on function
  private.empty_default_partition, private.drop_old_usage
from public, anon, authenticated, service_role;
