-- Deliveries as the owners of webhooks see them: attempts and their outcomes, a test, and
-- resending.

create type public.proxy_webhook_delivery as (
  id uuid,
  alert_id uuid,
  type text,
  occurred_at timestamptz,
  state text,
  attempts integer,
  next_attempt_at timestamptz,
  attempt_log jsonb
);
comment on type public.proxy_webhook_delivery is
  'A delivery of an alert (type, occurred_at) to a webhook; state is pending, delivered or failed. '
  'attempts counts the attempts; attempt_log has the last 20 in order, each {number, started_at, '
  'duration_ms, outcome, status, answer}.';


-- Limited, because an owner may resend a delivery any number of times.
create function proxy_private.show_attempts(delivery_id uuid) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select coalesce(jsonb_agg(to_jsonb(a) - 'delivery_id' order by a.number), '[]')
    from (
      select * from proxy_private.proxy_delivery_attempts as t
      where t.delivery_id = show_attempts.delivery_id
      order by t.number desc
      limit 20
    ) as a
  );
end
$$;
comment on function proxy_private.show_attempts is
  'Returns the last 20 attempts at a delivery, in order.';


create function proxy_private.show_webhook_delivery(
  delivery proxy_private.proxy_deliveries, alert proxy_private.proxy_alerts
) returns public.proxy_webhook_delivery
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  d constant proxy_private.proxy_deliveries := show_webhook_delivery.delivery;
begin
  return (
    d.id, d.alert_id, show_webhook_delivery.alert.type, show_webhook_delivery.alert.occurred_at,
    d.state, d.attempts, d.next_attempt_at, proxy_private.show_attempts(d.id)
  )::public.proxy_webhook_delivery;
end
$$;
comment on function proxy_private.show_webhook_delivery is
  'Returns a delivery as the owner of its webhook sees it.';


-- Security definer: callers may not read tables. Ordered by alert id, which rises with time, to use
-- the unique index on webhook and alert.
create function proxy_private.page_of_deliveries(
  webhook_id uuid, "limit" integer, cursor text, operator boolean
) returns public.proxy_page
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid;
  place record;
  most integer;
  page proxy_private.proxy_deliveries[];
  answer public.proxy_page;
begin
  if page_of_deliveries.operator then
    perform proxy_private.require_admin();
  else
    owner_id := proxy_private.require_user();
  end if;
  place := proxy_private.decode_cursor(page_of_deliveries.cursor);
  most := proxy_private.require_limit(coalesce(page_of_deliveries."limit", 50));
  perform from proxy_private.proxy_webhooks as w
  where w.id = page_of_deliveries.webhook_id and w.user_id is not distinct from owner_id;
  if not found then
    perform proxy_private.refuse('webhook_not_found');
  end if;
  page := array(
    select d from proxy_private.proxy_deliveries as d
    where d.webhook_id = page_of_deliveries.webhook_id and d.alert_id < place.id
    order by d.alert_id desc
    limit most + 1
  );
  select coalesce(json_agg(s order by s.alert_id desc), '[]') into answer.items
  from unnest(page[:most]) as f
  join proxy_private.proxy_alerts as a on a.id = f.alert_id
  cross join lateral proxy_private.show_webhook_delivery(f, a) as s;
  if cardinality(page) > most then
    answer.next_cursor := proxy_private.encode_cursor(now(), page[most].alert_id);
  end if;
  return answer;
end
$$;
comment on function proxy_private.page_of_deliveries is
  'Does the work of public.list_proxy_deliveries.';

create function public.list_proxy_deliveries(
  webhook_id uuid, "limit" integer default 50, cursor text default null,
  operator boolean default false
) returns public.proxy_page
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.page_of_deliveries(
    list_proxy_deliveries.webhook_id, list_proxy_deliveries."limit", list_proxy_deliveries.cursor,
    coalesce(list_proxy_deliveries.operator, false)
  );
end
$$;
comment on function public.list_proxy_deliveries is
  'Returns the deliveries to the caller''s webhook, or, for admins with `operator`, the '
  'operator''s, newest alert first: `limit` (1 to 200, default 50) per page, from `cursor` on. '
  'Each has id, alert_id, type, occurred_at, state (pending, delivered, failed), attempts, '
  'next_attempt_at, and attempt_log with the last 20 attempts. Refusals: unauthorized, forbidden, '
  'webhook_not_found, invalid_request (detail: the argument).';


-- Security definer: callers may not write tables. Locks the webhook first, as claiming and
-- reporting do. The count of attempts goes on: after the eleventh, each resend gets one attempt.
create function proxy_private.resend_proxy_delivery(id uuid, operator boolean, webhook_id uuid)
returns public.proxy_webhook_delivery
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  webhook proxy_private.proxy_webhooks := proxy_private.lock_webhook(
    (
      select d.webhook_id from proxy_private.proxy_deliveries as d
      where d.id = resend_proxy_delivery.id
        and d.webhook_id = coalesce(resend_proxy_delivery.webhook_id, d.webhook_id)
    ),
    resend_proxy_delivery.operator
  );
  delivery proxy_private.proxy_deliveries;
  alert proxy_private.proxy_alerts;
begin
  if webhook.disabled_at is not null then
    perform proxy_private.refuse('webhook_disabled');
  end if;
  update proxy_private.proxy_deliveries as d
  set state = 'pending', next_attempt_at = now()
  where d.id = resend_proxy_delivery.id
  returning * into delivery;
  -- its alert just expired and was deleted
  if not found then
    perform proxy_private.refuse('webhook_not_found');
  end if;
  select * into alert from proxy_private.proxy_alerts as a where a.id = delivery.alert_id;
  return proxy_private.show_webhook_delivery(delivery, alert);
end
$$;
comment on function proxy_private.resend_proxy_delivery is
  'Does the work of public.resend_proxy_delivery.';

create function public.resend_proxy_delivery(
  id uuid, operator boolean default false, webhook_id uuid default null
) returns public.proxy_webhook_delivery
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.resend_proxy_delivery(
    resend_proxy_delivery.id, resend_proxy_delivery.operator, resend_proxy_delivery.webhook_id
  );
end
$$;
comment on function public.resend_proxy_delivery is
  'Resends a delivery to the caller''s webhook, or, for admins with `operator`, the operator''s, '
  'as the same alert with the same id; `webhook_id`, if given, must be its webhook. A pending '
  'delivery is attempted now. Refusals: unauthorized, forbidden, webhook_not_found, '
  'webhook_disabled, rate_limited (detail: seconds to wait).';


-- Security definer: callers may not write tables. The operator's webhooks belong to no user, so
-- their test is an alert of the calling admin.
create function proxy_private.test_proxy_webhook(id uuid, operator boolean)
returns public.proxy_webhook_delivery
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  webhook proxy_private.proxy_webhooks :=
    proxy_private.lock_webhook(test_proxy_webhook.id, test_proxy_webhook.operator);
  alert proxy_private.proxy_alerts;
  delivery proxy_private.proxy_deliveries;
begin
  if webhook.disabled_at is not null then
    perform proxy_private.refuse('webhook_disabled');
  end if;
  insert into proxy_private.proxy_alerts (user_id, type, cause, data)
  values (
    coalesce(webhook.user_id, proxy_private.token_subject()), 'webhook.test', 'test:' || proxy_private.uuid_v7(),
    jsonb_build_object('webhookId', webhook.id, 'kind', webhook.kind)
  )
  returning * into alert;
  -- for this webhook only, whatever types it gets
  insert into proxy_private.proxy_deliveries (webhook_id, alert_id)
  values (webhook.id, alert.id)
  returning * into delivery;
  perform proxy_private.broadcast_alerts(array[alert]);
  return proxy_private.show_webhook_delivery(delivery, alert);
end
$$;
comment on function proxy_private.test_proxy_webhook is
  'Does the work of public.test_proxy_webhook.';

create function public.test_proxy_webhook(id uuid, operator boolean default false)
returns public.proxy_webhook_delivery
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.test_proxy_webhook(test_proxy_webhook.id, test_proxy_webhook.operator);
end
$$;
comment on function public.test_proxy_webhook is
  'Sends an alert of type webhook.test to the caller''s webhook, or, for admins with `operator`, '
  'the operator''s, and to no other. Returns the delivery; list_proxy_deliveries shows its '
  'attempts. Refusals: unauthorized, forbidden, webhook_not_found, webhook_disabled, rate_limited '
  '(detail: seconds to wait).';


insert into proxy_private.argument_rules (argument, rule) values
  ('id', 'The id of a generic webhook: other kinds have no signing secret to rotate.');


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.show_attempts,
  proxy_private.show_webhook_delivery,
  proxy_private.page_of_deliveries,
  public.list_proxy_deliveries,
  proxy_private.resend_proxy_delivery,
  public.resend_proxy_delivery,
  proxy_private.test_proxy_webhook,
  public.test_proxy_webhook
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.page_of_deliveries,
  public.list_proxy_deliveries,
  proxy_private.resend_proxy_delivery,
  public.resend_proxy_delivery,
  proxy_private.test_proxy_webhook,
  public.test_proxy_webhook
to authenticated;
