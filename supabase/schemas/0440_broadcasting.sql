-- Broadcasting: if the database has Realtime, alerts are sent to the owner's private channel, so
-- that a page need not poll. An error here must never fail the transaction that raises an alert.

create function proxy_private.broadcast_alerts(alerts proxy_private.proxy_alerts[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if to_regprocedure('realtime.send(jsonb, text, text, boolean)') is null then
    return;
  end if;
  execute
    'select realtime.send(
       jsonb_build_object(
         ''id'', a.id, ''type'', a.type, ''occurredAt'', proxy_private.json_time(a.occurred_at), ''data'', a.data
       ),
       ''proxy_alert'', ''proxy_alerts:'' || a.user_id, true
     )
     from unnest($1) as a'
  using broadcast_alerts.alerts;
exception when others then
  raise warning 'Alerts are not broadcast: %', sqlstate;
end
$$;
comment on function proxy_private.broadcast_alerts is
  'Sends each alert as event proxy_alert to the private Realtime channel proxy_alerts:<user id>, '
  'if the database has Realtime. A failure raises only a warning.';


-- Without a policy, no user may join a private channel.
create function proxy_private.open_alert_channels() returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if to_regclass('realtime.messages') is null or to_regprocedure('realtime.topic()') is null then
    return false;
  end if;
  execute
    'drop policy if exists "users join the channel of their own proxy alerts" on realtime.messages';
  execute
    'create policy "users join the channel of their own proxy alerts" on realtime.messages
       for select to authenticated
       using (
         extension = ''broadcast''
         and (select realtime.topic()) = ''proxy_alerts:'' || (select auth.uid())
       )';
  return true;
exception when insufficient_privilege then
  raise notice
    'Alerts are not broadcast to users: this role may not create policies on realtime.messages.';
  return false;
end
$$;
comment on function proxy_private.open_alert_channels is
  'Allows each user to join the private Realtime channel of their own alerts, if the database has '
  'Realtime. Returns whether it did; a failure raises only a notice.';

select proxy_private.open_alert_channels();


-- Default privileges may grant too much: revoke all.
revoke all on function proxy_private.broadcast_alerts, proxy_private.open_alert_channels
from public, anon, authenticated, service_role;
