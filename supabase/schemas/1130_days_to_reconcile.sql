-- Which days are worth a recount: those that can have changed since the last one.

create table proxy_private.reconciled_usage_days (
  day date primary key,
  checked_at timestamptz not null,
  changes bigint not null,
  counted_since timestamptz
);
comment on table proxy_private.reconciled_usage_days is
  'Days whose rollups were checked, and what Postgres had counted of changes to their events by then.';
comment on column proxy_private.reconciled_usage_days.changes is
  'Rows inserted, updated and deleted in the partition, as the statistics said before the check.';
comment on column proxy_private.reconciled_usage_days.counted_since is
  'When these statistics began: a crash or a reset begins them again.';
alter table proxy_private.reconciled_usage_days enable row level security;


-- Postgres counts a change after its commit, at the latest a minute later: what is counted by now is
-- seen by the check that follows, and what is not makes the count differ the next time.
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
  'The row of proxy_private.reconciled_usage_days for a check of that day that begins now.';


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
  'Today, yesterday, and older days whose events have changed since their rollups were checked.';


-- All of this is closed, then opened to those who need it: also where default privileges are open.
revoke all on table proxy_private.reconciled_usage_days from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.check_of_usage_day, proxy_private.usage_days_to_check
from public, anon, authenticated, service_role;
