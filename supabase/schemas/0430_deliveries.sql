-- Deliveries: one row per alert and subscribed webhook. The transaction that raises an alert queues
-- them, so none is lost; the Edge Function `deliver` claims them, sends them, and reports.

create table proxy_private.delivery_settings (
  -- one row
  id boolean primary key default true check (id),
  allow_local_webhooks boolean not null default false,
  function_url text
);
comment on table proxy_private.delivery_settings is 'One row: how this database delivers alerts.';
comment on column proxy_private.delivery_settings.allow_local_webhooks is
  'Whether webhooks may use http:// and addresses of this machine. For local stacks only.';
comment on column proxy_private.delivery_settings.function_url is
  'The URL at which pg_net calls the Edge Function that delivers: '
  'https://<ref>.supabase.co/functions/v1/deliver. The function''s key is in Vault.';
alter table proxy_private.delivery_settings enable row level security;
insert into proxy_private.delivery_settings default values;


create table proxy_private.proxy_deliveries (
  id uuid primary key default proxy_private.uuid_v7(),
  webhook_id uuid not null references proxy_private.proxy_webhooks (id) on delete cascade,
  alert_id uuid not null references proxy_private.proxy_alerts (id) on delete cascade,
  api_key_id uuid,
  state text not null default 'pending',
  attempts integer not null default 0,
  next_attempt_at timestamptz default clock_timestamp(),
  claim uuid,
  claimed_until timestamptz,
  constraint "an alert is delivered to a webhook once" unique (webhook_id, alert_id),
  constraint "a state is a known one" check (state in ('pending', 'delivered', 'failed')),
  constraint "what is pending has a next attempt" check (
    (state = 'pending') = (next_attempt_at is not null)
  ),
  constraint "a claim ends" check ((claim is null) = (claimed_until is null))
) with (fillfactor = 70);
comment on table proxy_private.proxy_deliveries is
  'One row per alert and subscribed webhook: pending until an attempt succeeds (delivered) or the '
  'last attempt fails (failed).';
comment on column proxy_private.proxy_deliveries.api_key_id is
  'The key of the alert. Alerts of one key are first attempted in order.';
comment on column proxy_private.proxy_deliveries.claim is
  'The worker with this claim attempts the delivery until claimed_until. A report with any other '
  'claim is too late.';
create index proxy_deliveries_pending
  on proxy_private.proxy_deliveries (webhook_id, next_attempt_at, id) where state = 'pending';
create index proxy_deliveries_alert on proxy_private.proxy_deliveries (alert_id);
alter table proxy_private.proxy_deliveries enable row level security;


create table proxy_private.proxy_delivery_attempts (
  delivery_id uuid not null references proxy_private.proxy_deliveries (id) on delete cascade,
  number integer not null,
  started_at timestamptz not null,
  duration_ms integer not null,
  outcome text not null,
  status smallint,
  answer text,
  primary key (delivery_id, number),
  constraint "an answer is its first 500 bytes" check (octet_length(answer) <= 500),
  constraint "an outcome is a code" check (
    outcome ~ '^[a-z]+(_[a-z]+)*$' and octet_length(outcome) <= 64
  )
);
comment on table proxy_private.proxy_delivery_attempts is
  'One row per attempt to deliver: its start, duration and outcome, the HTTP status, and the first '
  '500 bytes of the answer.';
comment on column proxy_private.proxy_delivery_attempts.outcome is
  'delivered, or the reason for the failure: refused_status, redirected, timed_out, not_resolved, '
  'target_forbidden, not_connected, tls_failed, broke_off, not_configured.';
alter table proxy_private.proxy_delivery_attempts enable row level security;


-- A webhook that is just being deleted is skipped: waiting for it could deadlock.
create function proxy_private.queue_deliveries(alerts proxy_private.proxy_alerts[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  -- per webhook: limits what its owner can make grow
  most_pending constant integer := 10000;
begin
  insert into proxy_private.proxy_deliveries (webhook_id, alert_id, api_key_id)
  select w.id, a.id, a.api_key_id
  from unnest(queue_deliveries.alerts) as a
  cross join lateral (
    select h.id
    from proxy_private.proxy_webhooks as h
    where (h.user_id = a.user_id or h.user_id is null)
      and h.disabled_at is null
      and (h.types is null or a.type = any (h.types))
      and (
        select count(*)
        from (
          select from proxy_private.proxy_deliveries as d
          where d.webhook_id = h.id and d.state = 'pending'
          limit most_pending
        ) as p
      ) < most_pending
    order by h.id
    for key share of h skip locked
  ) as w
  order by a.id, w.id;
end
$$;
comment on function proxy_private.queue_deliveries is
  'Queues alerts for the webhooks of their users and of the operator that subscribe to them. A '
  'webhook with 10,000 pending deliveries gets no more.';


-- Default privileges may grant too much: revoke all.
revoke all on table
  proxy_private.delivery_settings, proxy_private.proxy_deliveries, proxy_private.proxy_delivery_attempts
from public, anon, authenticated, service_role;
revoke all on function proxy_private.queue_deliveries from public, anon, authenticated, service_role;
