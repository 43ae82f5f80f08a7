-- Hourly alerts, which no change of a row triggers: a key that expires soon, and an hour unlike the
-- key's other hours. Run by pg_cron, `npm run maintain`, or the local stack.

create index proxy_keys_expiring on proxy_private.proxy_keys (expires_at)
  where deleted_at is null and expires_at is not null;


create function proxy_private.alert_expiring_keys() returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  alerts proxy_private.new_alert[];
begin
  select array_agg(
    (
      k.user_id, k.id, 'key.expiring',
      format('expiry:%s:%s:%s', k.id, extract(epoch from k.expires_at), d.days), null,
      proxy_private.describe_key(k.id, k.key_id, k.label) || jsonb_build_object(
        'expiresAt', proxy_private.json_time(k.expires_at), 'days', d.days
      )
    )::proxy_private.new_alert
  ) into alerts
  from proxy_private.proxy_keys as k
  cross join lateral (
    -- the smallest that applies: a key created for one day gets only the alert for one day
    select min(d) as days from unnest(array[1, 7]) as d where k.expires_at <= now() + d * interval '1 day'
  ) as d
  where k.deleted_at is null and k.user_id is not null
    and k.expires_at > now() and k.expires_at <= now() + interval '7 days';
  if alerts is not null then
    perform proxy_private.raise_alerts(alerts);
  end if;
end
$$;
comment on function proxy_private.alert_expiring_keys is
  'Raises one alert for each key that expires within seven days, and one when it expires within '
  'one day.';


-- Checks the last two full hours, because events of the last minute may arrive late.
create function proxy_private.alert_unusual_usage() returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  least_bytes constant bigint := 100000000;
  alerts proxy_private.new_alert[];
begin
  select array_agg(
    (
      k.user_id, k.id, 'key.unusual_usage', format('unusual:%s:%s', k.id, extract(epoch from h.hour)),
      null,
      proxy_private.describe_key(k.id, k.key_id, k.label) || jsonb_build_object(
        'hour', proxy_private.json_time(h.hour), 'bytes', h.bytes_sent + h.bytes_received,
        'medianBytes', m.bytes::bigint
      )
    )::proxy_private.new_alert
  ) into alerts
  from proxy_private.proxy_usage_hourly as h
  join proxy_private.proxy_keys as k on k.id = h.api_key_id and k.user_id is not null
  cross join lateral (
    select
      percentile_cont(0.5) within group (order by w.bytes_sent + w.bytes_received) as bytes,
      count(*) as hours
    from proxy_private.proxy_usage_hourly as w
    where w.api_key_id = h.api_key_id and w.hour >= h.hour - interval '7 days' and w.hour < h.hour
      and w.bytes_sent + w.bytes_received > 0
  ) as m
  where h.hour >= date_trunc('hour', now()) - interval '2 hours'
    and h.hour < date_trunc('hour', now())
    and h.bytes_sent + h.bytes_received > least_bytes
    and m.hours >= 24
    and h.bytes_sent + h.bytes_received > 5 * m.bytes;
  if alerts is not null then
    perform proxy_private.raise_alerts(alerts);
  end if;
end
$$;
comment on function proxy_private.alert_unusual_usage is
  'Raises an alert for each key that, in an hour that just ended, transferred over 100 MB and over '
  'five times the median of its non-empty hours in the seven days before. A key needs 24 such '
  'hours first.';


create function proxy_private.drop_old_alerts() returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  dropped bigint;
begin
  delete from proxy_private.proxy_alerts as a where a.occurred_at < now() - interval '90 days';
  get diagnostics dropped = row_count;
  return dropped;
end
$$;
comment on function proxy_private.drop_old_alerts is
  'Deletes alerts older than 90 days, with their deliveries, and returns how many.';


create function proxy_private.report_alerts() returns proxy_private.maintenance_report
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  dropped bigint;
begin
  perform proxy_private.alert_expiring_keys();
  perform proxy_private.alert_unusual_usage();
  dropped := proxy_private.drop_old_alerts();
  return (
    'alerts', null, case when dropped = 0 then 'unchanged' else 'dropped' end,
    format('%s alerts were older than 90 days.', dropped)
  )::proxy_private.maintenance_report;
end
$$;
comment on function proxy_private.report_alerts is
  'Raises the hourly alerts, deletes old alerts, and reports how many it deleted.';


-- Revoke everything, even if default privileges are open.
revoke all on function
  proxy_private.alert_expiring_keys, proxy_private.alert_unusual_usage, proxy_private.drop_old_alerts,
  proxy_private.report_alerts
from public, anon, authenticated, service_role;
