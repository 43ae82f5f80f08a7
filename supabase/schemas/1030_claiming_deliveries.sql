-- Claiming deliveries: what the Edge Function `deliver` may attempt now. Only the secret key may
-- claim. Signing keys stay here: a claim contains only the signature.

create type public.proxy_delivery as (
  id uuid,
  claim uuid,
  kind text,
  url text,
  headers jsonb,
  body text,
  routing_key text,
  address text,
  alert jsonb
);
comment on type public.proxy_delivery is
  'A delivery to attempt within 30 s. For kind webhook it has url, headers and body, already '
  'signed; for other kinds, the alert and its destination.';


-- https://www.standardwebhooks.com: signs id, time and body. The id is the alert's, so that a
-- receiver can recognize a repeat.
create function proxy_private.sign_webhook(key text, id text, seconds bigint, body text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return 'v1,' || translate(
    encode(
      extensions.hmac(
        convert_to(sign_webhook.id || '.' || sign_webhook.seconds || '.' || sign_webhook.body, 'UTF8'),
        decode(sign_webhook.key, 'base64'),
        'sha256'
      ),
      'base64'
    ),
    E'\n', ''
  );
end
$$;
comment on function proxy_private.sign_webhook is
  'Returns the signature of Standard Webhooks (v1): HMAC-SHA256 with the key, in base64.';


-- The operator's webhooks omit labels, which are users' own text.
create function proxy_private.show_alert(alert proxy_private.proxy_alerts, to_operator boolean) returns jsonb
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return jsonb_build_object(
    'id', show_alert.alert.id,
    'type', show_alert.alert.type,
    'timestamp', proxy_private.json_time(show_alert.alert.occurred_at),
    'data', case when show_alert.to_operator
      then (show_alert.alert.data - 'label') || jsonb_build_object('userId', show_alert.alert.user_id)
      else show_alert.alert.data
    end
  );
end
$$;
comment on function proxy_private.show_alert is 'Returns an alert as webhooks send it.';


create function proxy_private.show_delivery(
  delivery proxy_private.proxy_deliveries, webhook proxy_private.proxy_webhooks, alert proxy_private.proxy_alerts
) returns public.proxy_delivery
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  w constant proxy_private.proxy_webhooks := show_delivery.webhook;
  secret constant jsonb := proxy_private.webhook_secret(w.id);
  payload constant jsonb := proxy_private.show_alert(show_delivery.alert, w.user_id is null);
  seconds constant bigint := floor(extract(epoch from clock_timestamp()));
  shown public.proxy_delivery;
begin
  shown.id := show_delivery.delivery.id;
  shown.claim := show_delivery.delivery.claim;
  shown.kind := w.kind;
  shown.url := secret ->> 'url';
  shown.alert := payload;
  if w.kind = 'webhook' then
    shown.body := (payload - 'id')::text;
    shown.headers := jsonb_build_object(
      'webhook-id', payload ->> 'id',
      'webhook-timestamp', seconds::text,
      'webhook-signature', proxy_private.sign_webhook(
        secret ->> 'key', payload ->> 'id', seconds, shown.body
      )
    );
  elsif w.kind = 'pagerduty' then
    shown.routing_key := secret ->> 'key';
  elsif w.kind = 'email' then
    shown.address := w.address;
  end if;
  return shown;
end
$$;
comment on function proxy_private.show_delivery is
  'Returns all that an attempt at a delivery needs.';


-- Only one claimer at a time works on a webhook, and reads the counts under its lock. A webhook
-- whose last attempt failed gets one delivery at a time, so that one that hangs occupies only one
-- slot.
create function proxy_private.claim_deliveries(most integer) returns setof public.proxy_delivery
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  most_at_once constant integer := 5;
  claim_span constant interval := '30 seconds';
  webhooks uuid[];
  claimed proxy_private.proxy_deliveries[];
begin
  if claim_deliveries.most is null or claim_deliveries.most not between 1 and 500 then
    perform proxy_private.refuse('invalid_request', 'most');
  end if;
  -- finds each webhook with pending deliveries in one index step, however many it has
  with recursive waiting as (
    (
      select d.webhook_id from proxy_private.proxy_deliveries as d
      where d.state = 'pending' order by d.webhook_id limit 1
    )
    union all
    select (
      select d.webhook_id from proxy_private.proxy_deliveries as d
      where d.state = 'pending' and d.webhook_id > w.webhook_id order by d.webhook_id limit 1
    )
    from waiting as w
    where w.webhook_id is not null
  ),
  locked as (
    select h.id
    from proxy_private.proxy_webhooks as h
    where h.disabled_at is null
      and h.id in (
        select w.webhook_id from waiting as w
        where exists (
          select from proxy_private.proxy_deliveries as d
          where d.webhook_id = w.webhook_id and d.state = 'pending' and d.next_attempt_at <= now()
            and (d.claimed_until is null or d.claimed_until <= now())
        )
      )
    for no key update skip locked
  )
  select array_agg(l.id) into webhooks from locked as l;

  with free as materialized (
    select
      h.id,
      case when h.failures = 0 then most_at_once else 1 end - (
        select count(*) from proxy_private.proxy_deliveries as d
        where d.webhook_id = h.id and d.state = 'pending' and d.claimed_until > now()
      ) as places
    from proxy_private.proxy_webhooks as h
    where h.id = any (webhooks)
  ),
  due as (
    select d.id, d.webhook_id, d.place
    from free as f
    cross join lateral (
      select c.id, c.webhook_id, row_number() over (order by c.id) as place
      from (
        select e.*, row_number() over (partition by coalesce(e.api_key_id, e.id) order by e.id) as turn
        from (
          select * from proxy_private.proxy_deliveries as p
          where p.webhook_id = f.id and p.state = 'pending' and p.next_attempt_at <= now()
            and (p.claimed_until is null or p.claimed_until <= now())
          order by p.next_attempt_at, p.id
          limit 50
        ) as e
      ) as c
      -- one at a time per key, to keep their order
      where c.turn = 1
        and not exists (
          select from proxy_private.proxy_deliveries as b
          where b.webhook_id = f.id and b.state = 'pending' and b.claimed_until > now()
            and b.api_key_id = c.api_key_id
        )
    ) as d
    where d.place <= f.places
    -- each webhook's first delivery before any second one; random, so that none is always first
    order by d.place, random()
    limit claim_deliveries.most
  ),
  updated as (
    update proxy_private.proxy_deliveries as d
    set claim = gen_random_uuid(), claimed_until = now() + claim_span
    from due
    where d.id = due.id
    returning d.*
  )
  select array_agg(u::proxy_private.proxy_deliveries order by u.id) into claimed from updated as u;

  return query
  select s.*
  from unnest(claimed) as c
  join proxy_private.proxy_webhooks as h on h.id = c.webhook_id
  join proxy_private.proxy_alerts as a on a.id = c.alert_id
  cross join lateral proxy_private.show_delivery(c, h, a) as s;
end
$$;
comment on function proxy_private.claim_deliveries is
  'Does the work of public.claim_proxy_deliveries.';

create function public.claim_proxy_deliveries(most integer) returns setof public.proxy_delivery
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return query select d.* from proxy_private.claim_deliveries(claim_proxy_deliveries.most) as d;
end
$$;
comment on function public.claim_proxy_deliveries is
  'For the Edge Function deliver, with the secret key only: claims up to `most` (1 to 500) '
  'deliveries that are due, at most five at once per webhook, in the order of each key''s alerts. '
  'A claim that is not reported expires after 30 s. Refusals: invalid_request (detail: most).';


insert into proxy_private.argument_rules (argument, rule) values
  ('most', 'A whole number from 1 to 500.');


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.sign_webhook, proxy_private.show_alert, proxy_private.show_delivery, proxy_private.claim_deliveries,
  public.claim_proxy_deliveries
from public, anon, authenticated, service_role;
grant usage on schema proxy_private to service_role;
grant execute on function proxy_private.claim_deliveries, public.claim_proxy_deliveries to service_role;
