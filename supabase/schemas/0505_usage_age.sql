-- The age of usage: for how many days events are kept, and so for how long they are taken. The same
-- event may be reported again as long as it is taken, and must be found then.

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
  'One row, for the operator: update proxy_private.maintenance_settings set keep_days = 30. '
  'Maintenance holds it locked, so that one run waits for another.';
comment on column proxy_private.maintenance_settings.keep_days is
  'How many whole days (UTC) of events are kept beside the current one.';
comment on column proxy_private.maintenance_settings.keep_targets_days is
  'How many whole days (UTC) of rollups by target and outcome are kept beside the current one.';
comment on column proxy_private.maintenance_settings.require_archive is
  'Whether a day of events stays until it is archived, as proxy_private.archived_usage_days says.';
alter table proxy_private.maintenance_settings enable row level security;
insert into proxy_private.maintenance_settings default values;


create table proxy_private.dropped_usage_days (
  day date primary key,
  dropped_at timestamptz not null default clock_timestamp(),
  events bigint not null,
  bytes bigint not null
);
comment on table proxy_private.dropped_usage_days is
  'Days whose events retention has dropped: their rollups can no longer be recounted, and stay as '
  'they are. Who puts such a day back deletes its row once all of its events are there.';
comment on column proxy_private.dropped_usage_days.bytes is
  'Metered in and out, as the rollups say.';
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
  'The oldest day (UTC) whose events are taken: no older than they are kept, and after all that '
  'were dropped, also once they are kept for longer.';


-- All of this is closed, then opened to those who need it: also where default privileges are open.
revoke all on table
  proxy_private.maintenance_settings, proxy_private.dropped_usage_days
from public, anon, authenticated, service_role;
revoke all on function proxy_private.oldest_usage_day from public, anon, authenticated, service_role;
