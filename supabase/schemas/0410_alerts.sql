-- Alerts: what owners should know before their customers notice. The transaction that causes an
-- alert writes it, once; webhooks, the list and Realtime all show the same rows.

create function proxy_private.alert_types() returns text[]
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return array[
    'key.minted', 'key.rotated', 'key.deleted', 'key.suspended', 'key.reactivated',
    'key.limits_changed', 'key.quota', 'key.expiring', 'key.unusual_usage',
    'account.quota', 'account.limits_changed', 'tier.granted', 'tier.revoked',
    'webhook.disabled', 'webhook.test'
  ];
end
$$;
comment on function proxy_private.alert_types is 'Every type of alert.';


create table proxy_private.proxy_alerts (
  id uuid primary key default proxy_private.uuid_v7(),
  user_id uuid not null,
  api_key_id uuid references proxy_private.proxy_keys (id),
  type text not null,
  cause text not null,
  occurred_at timestamptz not null default clock_timestamp(),
  data jsonb not null default '{}',
  constraint "an alert is raised once for each cause" unique (user_id, cause),
  constraint "a type is a known one" check (
    type = any (proxy_private.alert_types())
  )
);
comment on table proxy_private.proxy_alerts is
  'One row per alert, written by the transaction that causes it and kept for 90 days. Removing an '
  'account removes its alerts.';
comment on column proxy_private.proxy_alerts.cause is
  'Identifies the cause, so that it raises an alert only once: an audit row, or a limit with its '
  'threshold and month.';
comment on column proxy_private.proxy_alerts.data is
  'The payload, in camelCase, as webhooks send it. It never contains a secret, or text of another '
  'user except an admin''s reason.';
create index proxy_alerts_owner on proxy_private.proxy_alerts (user_id, occurred_at desc, id desc);
create index proxy_alerts_key on proxy_private.proxy_alerts (api_key_id, occurred_at desc, id desc);
create index proxy_alerts_age on proxy_private.proxy_alerts (occurred_at);

alter table proxy_private.proxy_alerts enable row level security;
create policy "owners read their own alerts" on proxy_private.proxy_alerts
  for select to authenticated using ((select auth.uid()) = user_id);


create type proxy_private.new_alert as (
  user_id uuid, api_key_id uuid, type text, cause text, occurred_at timestamptz, data jsonb
);
comment on type proxy_private.new_alert is
  'An alert to raise, unless its cause has raised one before.';


-- How an alert describes a key. The label is the owner's own text, so the operator's webhooks omit
-- it.
create function proxy_private.describe_key(id uuid, key_id text, label text) returns jsonb
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return jsonb_build_object(
    'apiKeyId', describe_key.id, 'keyId', describe_key.key_id, 'label', describe_key.label
  );
end
$$;
comment on function proxy_private.describe_key is
  'The fields that describe a key in each alert about it.';


create function proxy_private.json_time(moment timestamptz) returns text
language plpgsql immutable strict
set search_path = pg_catalog, pg_temp
as $$
begin
  return to_char(json_time.moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
end
$$;
comment on function proxy_private.json_time is 'A time as RFC 3339 in UTC, with milliseconds.';


-- Rows are inserted in one order, so that transactions that raise the same alerts cannot deadlock.
create function proxy_private.raise_alerts(alerts proxy_private.new_alert[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  made proxy_private.proxy_alerts[];
begin
  with inserted as (
    insert into proxy_private.proxy_alerts (user_id, api_key_id, type, cause, occurred_at, data)
    select a.user_id, a.api_key_id, a.type, a.cause, coalesce(a.occurred_at, clock_timestamp()), a.data
    from unnest(raise_alerts.alerts) as a
    -- an account that is just being removed gets no more alerts
    where exists (select from auth.users as u where u.id = a.user_id)
    order by a.user_id, a.cause
    on conflict on constraint "an alert is raised once for each cause" do nothing
    returning *
  )
  select array_agg(i::proxy_private.proxy_alerts) into made from inserted as i;
  if made is null then
    return;
  end if;
  perform proxy_private.queue_deliveries(made);
  perform proxy_private.broadcast_alerts(made);
end
$$;
comment on function proxy_private.raise_alerts is
  'Inserts the alerts whose cause is new, queues them for the webhooks that subscribe to them, and '
  'broadcasts them to their owners.';


-- An audited change is an alert too. SECURITY DEFINER: several roles write the audit.
create function proxy_private.alert_of_audit() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  types constant jsonb := '{
    "minted": "key.minted", "rotated": "key.rotated", "deleted": "key.deleted",
    "suspended": "key.suspended", "reactivated": "key.reactivated",
    "limits_changed": "key.limits_changed", "account_limits_changed": "account.limits_changed",
    "tier_granted": "tier.granted", "tier_revoked": "tier.revoked"
  }';
  key proxy_private.key_states;
  data jsonb := '{}';
begin
  -- owners need no alerts of their own updates
  if not types ? new.action or new.user_id is null then
    return null;
  end if;
  if new.api_key_id is null then
    data := jsonb_build_object('tier', new.tier);
  else
    select * into key from proxy_private.key_states as k where k.id = new.api_key_id;
    data := proxy_private.describe_key(key.id, key.key_id, key.label);
    if new.action = 'limits_changed' then
      data := data || jsonb_build_object(
        'tier', key.tier, 'bandwidthLimitBytes', key.bandwidth_limit_bytes,
        'rateLimit', key.rate_limit, 'tunnelLimit', key.tunnel_limit
      );
    end if;
  end if;
  if new.reason is not null then
    data := data || jsonb_build_object('reason', new.reason);
  end if;
  perform proxy_private.raise_alerts(array[(
    new.user_id, new.api_key_id, types ->> new.action, 'audit:' || new.id, new.occurred_at, data
  )::proxy_private.new_alert]);
  return null;
end
$$;
comment on function proxy_private.alert_of_audit is
  'Trigger: raises an alert for each audited change except updates by the owner.';

create trigger alert_of_audit after insert on proxy_private.proxy_key_audit
  for each row execute function proxy_private.alert_of_audit();


-- Default privileges may grant too much: revoke all.
revoke all on table proxy_private.proxy_alerts from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.alert_types, proxy_private.describe_key, proxy_private.json_time, proxy_private.raise_alerts, proxy_private.alert_of_audit
from public, anon, authenticated, service_role;
