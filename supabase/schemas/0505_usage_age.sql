-- The age of usage: how many days events are kept, and so how old an accepted event may be. As long
-- as an event is accepted, it may be reported again, and its row must still exist.

create table proxy_private.maintenance_settings (
  id boolean primary key default true,
  keep_days integer not null default 90,
  keep_targets_days integer not null default 90,
  require_archive boolean not null default false,
  constraint "there is one row" check (id),
  constraint "events are kept for 3 to 36,500 days" check (keep_days between 3 and 36500),
  constraint "targets are kept for 3 to 36,500 days" check (
    keep_targets_days between 3 and 36500
  )
);
comment on table proxy_private.maintenance_settings is
  'One row of settings that the operator may change, such as keep_days. Maintenance locks the row, '
  'so that concurrent runs wait for each other.';
comment on column proxy_private.maintenance_settings.keep_days is
  'How many whole days (UTC) of events are kept in addition to the current day.';
comment on column proxy_private.maintenance_settings.keep_targets_days is
  'How many whole days (UTC) of rollups by target and outcome are kept in addition to the current '
  'day.';
comment on column proxy_private.maintenance_settings.require_archive is
  'Whether a day of events is kept until it is archived, according to '
  'proxy_private.archived_usage_days.';
alter table proxy_private.maintenance_settings enable row level security;
insert into proxy_private.maintenance_settings default values;


create table proxy_private.dropped_usage_days (
  day date primary key,
  dropped_at timestamptz not null default clock_timestamp(),
  events bigint not null,
  bytes bigint not null
);
comment on table proxy_private.dropped_usage_days is
  'Days whose events retention has dropped: their rollups stay as they are, as they can no longer '
  'be recounted. To restore a day, put back all of its events, then delete its row.';
comment on column proxy_private.dropped_usage_days.bytes is
  'Metered bytes in and out, according to the rollups.';
alter table proxy_private.dropped_usage_days enable row level security;


create function proxy_private.oldest_usage_day() returns date
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return greatest(
    (now() at time zone 'UTC')::date - (select s.keep_days from proxy_private.maintenance_settings as s),
    (select max(d.day) + 1 from proxy_private.dropped_usage_days as d)
  );
end
$$;
comment on function proxy_private.oldest_usage_day is
  'The oldest day (UTC) whose events are accepted. It is within keep_days, and after every dropped '
  'day even if keep_days was raised since.';


-- Default privileges may grant too much: revoke all.
revoke all on table
  proxy_private.maintenance_settings, proxy_private.dropped_usage_days
from public, anon, authenticated, service_role;
revoke all on function proxy_private.oldest_usage_day from public, anon, authenticated, service_role;
