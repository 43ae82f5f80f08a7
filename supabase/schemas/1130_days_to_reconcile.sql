-- Which days to recount: those that may have changed since the last recount.

create table proxy_private.reconciled_usage_days (
  day date primary key,
  checked_at timestamptz not null,
  changes bigint not null,
  counted_since timestamptz
);
comment on table proxy_private.reconciled_usage_days is
  'Days whose rollups were checked, and how many changes to their events Postgres had counted by '
  'then.';
comment on column proxy_private.reconciled_usage_days.changes is
  'Rows inserted, updated and deleted in the partition, from the statistics before the check.';
comment on column proxy_private.reconciled_usage_days.counted_since is
  'When these statistics started: a crash or a reset restarts them.';
alter table proxy_private.reconciled_usage_days enable row level security;


-- Postgres counts a change within a minute after its commit: the check that follows sees every
-- change counted so far, and a change counted later makes the next count differ.
create function proxy_private.check_of_usage_day(day date) returns proxy_private.reconciled_usage_days
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  partition oid := proxy_private.usage_partition(check_of_usage_day.day);
begin
  return (
    check_of_usage_day.day,
    clock_timestamp(),
    coalesce(
      pg_stat_get_tuples_inserted(partition) + pg_stat_get_tuples_updated(partition)
        + pg_stat_get_tuples_deleted(partition),
      0
    ),
    greatest(
      pg_stat_get_bgwriter_stat_reset_time(),
      (
        select pg_stat_get_db_stat_reset_time(d.oid)
        from pg_database as d where d.datname = current_database()
      )
    )
  );
end
$$;
comment on function proxy_private.check_of_usage_day is
  'Returns the row of proxy_private.reconciled_usage_days for a check of that day that starts now.';


create function proxy_private.usage_days_to_check() returns setof date
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  today date := (now() at time zone 'UTC')::date;
begin
  return query
  select d
  from proxy_private.partitioned_usage_days() as d
  cross join lateral proxy_private.check_of_usage_day(d) as c
  left join proxy_private.reconciled_usage_days as r on r.day = d
  where d < today - 1
    and ((r.changes, r.counted_since) is distinct from (c.changes, c.counted_since)
      or not current_setting('track_counts')::boolean)
    and not exists (select from proxy_private.dropped_usage_days as o where o.day = d)
  union all
  values (today - 1), (today);
end
$$;
comment on function proxy_private.usage_days_to_check is
  'Returns today, yesterday, and older days whose events changed since their rollups were checked.';


-- Revoke everything, even if default privileges are open.
revoke all on table proxy_private.reconciled_usage_days from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.check_of_usage_day, proxy_private.usage_days_to_check
from public, anon, authenticated, service_role;
