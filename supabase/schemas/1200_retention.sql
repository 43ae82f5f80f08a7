-- Retention: old days' events are dropped, a whole partition at a time; rollups stay.

create table proxy_private.archived_usage_days (
  day date primary key,
  archived_at timestamptz not null default clock_timestamp(),
  events bigint not null,
  bytes_sent numeric not null,
  bytes_received numeric not null,
  location text not null
);
comment on table proxy_private.archived_usage_days is
  'Days whose events were archived elsewhere, with their totals, which retention compares before '
  'it drops a day.';
comment on column proxy_private.archived_usage_days.location is
  'Where the archive is, for an operator to find it.';
alter table proxy_private.archived_usage_days enable row level security;


-- Each day in the default partition gets its own partition, and its events move there. Newest
-- first, because those are read most.
create function proxy_private.empty_default_partition() returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  started timestamptz := clock_timestamp();
  caught date;
  made integer := 0;
begin
  for caught in
    select distinct e.occurred_at::date as day
    from proxy_private.proxy_usage_events_default as e
    order by day desc
    -- a partition takes about 10 of the cluster's 6,400 or more locks
    limit 200
  loop
    made := made + proxy_private.make_usage_partitions(caught, caught);
    -- recording waits meanwhile
    exit when clock_timestamp() > started + interval '10 s';
  end loop;
  return made;
end
$$;
comment on function proxy_private.empty_default_partition is
  'Creates the partitions of days whose events are in the default partition, and returns how many: '
  'up to 200, for about 10 s; the next call continues. Fails in the same cases as '
  'proxy_private.make_usage_partitions.';


create type proxy_private.usage_retention as (
  day date,
  action text,
  reason text,
  events bigint,
  bytes bigint,
  disk_bytes bigint,
  drift bigint
);
comment on type proxy_private.usage_retention is
  'What retention did with an old day: action is dropped, kept or skipped. reason for kept: drift '
  '(its rollups differ from its events), not archived, archive is stale (the archive has other '
  'events) or restored (it was dropped before); for skipped: in use (a lock timed out; without a '
  'day, on the default partition). bytes are metered in and out; drift is the number of rollup '
  'rows that differ.';


create function proxy_private.archive_lacks(day date, events bigint, bytes_sent numeric, bytes_received numeric)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  archived proxy_private.archived_usage_days;
begin
  if archive_lacks.events = 0 or not (select s.require_archive from proxy_private.maintenance_settings as s)
  then
    return null;
  end if;
  select * into archived from proxy_private.archived_usage_days as a where a.day = archive_lacks.day;
  if archived is null then
    return 'not archived';
  end if;
  if (archived.events, archived.bytes_sent, archived.bytes_received)
    <> (archive_lacks.events, archive_lacks.bytes_sent, archive_lacks.bytes_received)
  then
    return 'archive is stale';
  end if;
  return null;
end
$$;
comment on function proxy_private.archive_lacks is
  'Returns why a day with these totals must not be dropped yet, if days must be archived first; '
  'otherwise null.';


-- All days are checked before the first is dropped: from then on, events can be neither read nor
-- recorded until the transaction ends.
create function proxy_private.drop_old_usage() returns setof proxy_private.usage_retention
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- none at first, because other maintenance may take minutes; the one set below ends with the call
set lock_timeout = 0
as $$
declare
  old_day date;
  old proxy_private.usage_retention;
  sent numeric;
  received numeric;
  standing proxy_private.usage_retention[] := '{}';
  in_use boolean := false;
begin
  perform proxy_private.take_maintenance_lock();
  -- recording waits behind this for as long
  perform set_config('lock_timeout', '1s', true);

  begin
    perform proxy_private.empty_default_partition();
  exception when lock_not_available then
    old := (null, 'skipped', 'in use', null, null, null, null);
    return next old;
  end;

  for old_day in
    select d from proxy_private.partitioned_usage_days() as d
    where d < now()::date - (select s.keep_days from proxy_private.maintenance_settings as s)
  loop
    old := (old_day, 'kept', null, null, null, null, null);
    if exists (select from proxy_private.dropped_usage_days as d where d.day = old_day) then
      old.reason := 'restored';
      return next old;
      continue;
    end if;
    begin
      -- blocks writes while it is counted
      execute format('lock table %s in share mode', proxy_private.usage_partition(old_day));
    exception when lock_not_available then
      old.action := 'skipped';
      old.reason := 'in use';
      return next old;
      continue;
    end;
    old.disk_bytes := pg_total_relation_size(proxy_private.usage_partition(old_day));
    execute format(
      'select count(*), coalesce(sum(bytes_sent), 0), coalesce(sum(bytes_received), 0) from %s',
      proxy_private.usage_partition(old_day)
    )
    into old.events, sent, received;
    -- a stolen gateway login can report more than a bigint holds; that must not block retention
    old.bytes := least(sent + received, 9223372036854775807);
    select count(*) into old.drift from proxy_private.usage_drift(old_day);
    old.reason := case
      when old.drift > 0 then 'drift'
      else proxy_private.archive_lacks(old_day, old.events, sent, received)
    end;
    if old.reason is null then
      standing := standing || old;
    else
      return next old;
    end if;
  end loop;

  foreach old in array standing loop
    begin
      -- after one that is in use, skip the others: each try would make recording wait again
      if in_use then
        raise lock_not_available;
      end if;
      execute format('drop table %s', proxy_private.usage_partition(old.day));
      insert into proxy_private.dropped_usage_days (day, events, bytes)
      values (old.day, old.events, old.bytes);
      old.action := 'dropped';
    exception when lock_not_available or deadlock_detected then
      in_use := true;
      old.action := 'skipped';
      old.reason := 'in use';
    end;
    return next old;
  end loop;
end
$$;
comment on function proxy_private.drop_old_usage is
  'Drops the partitions of days older than proxy_private.maintenance_settings keeps, oldest first, '
  'each only if its rollups match its events and it is archived if required, and records them in '
  'proxy_private.dropped_usage_days; rollups stay. Returns one row per old day; recording waits at '
  'most about 1 s for a lock that cannot be taken. Fails (25000) unless the transaction is read '
  'committed.';


-- Revoke everything, even if default privileges are open.
revoke all on table proxy_private.archived_usage_days from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.empty_default_partition, proxy_private.archive_lacks, proxy_private.drop_old_usage
from public, anon, authenticated, service_role;
