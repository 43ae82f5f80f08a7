-- Reporting deliveries: what came of each attempt, when the next is, and when a webhook is given up.

-- 24 hours in all: a receiver that is repaired within a working day loses nothing.
create function proxy_private.pause_after(attempts integer) returns interval
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  pauses constant integer[] := '{5,30,120,600,1800,3600,7200,14400,21600,37000}';
begin
  -- with jitter, so that what failed together does not come back together
  return pauses[pause_after.attempts] * (0.8 + 0.4 * random()) * interval '1 second';
end
$$;
comment on function proxy_private.pause_after is
  'How long to wait after so many attempts, more or less by a fifth; null after the last: the eleventh.';


create function proxy_private.note_attempt(delivery proxy_private.proxy_deliveries, result jsonb) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  attempt constant integer := note_attempt.delivery.attempts + 1;
  outcome constant text := note_attempt.result ->> 'outcome';
  delivered constant boolean := outcome = 'delivered';
  pause constant interval := proxy_private.pause_after(attempt);
  answer text := note_attempt.result ->> 'answer';
begin
  -- a character that 500 bytes cut in two is left out
  while octet_length(answer) > 500 loop
    answer := left(answer, -greatest(1, (octet_length(answer) - 500) / 4));
  end loop;
  insert into proxy_private.proxy_delivery_attempts (
    delivery_id, number, started_at, duration_ms, outcome, status, answer
  )
  values (
    note_attempt.delivery.id, attempt,
    clock_timestamp() - (note_attempt.result ->> 'durationMs')::integer * interval '1 ms',
    (note_attempt.result ->> 'durationMs')::integer, outcome,
    (note_attempt.result ->> 'status')::smallint, answer
  );
  update proxy_private.proxy_deliveries as d
  set
    attempts = attempt, claim = null, claimed_until = null,
    state = case when delivered then 'delivered' when pause is null then 'failed' else 'pending' end,
    next_attempt_at = case when not delivered then clock_timestamp() + pause end
  where d.id = note_attempt.delivery.id;
  return delivered;
end
$$;
comment on function proxy_private.note_attempt is
  'Writes down an attempt, and ends its delivery or sets the next attempt. Returns whether it was delivered.';


create function proxy_private.disable_webhook(webhook proxy_private.proxy_webhooks, reason text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  w constant proxy_private.proxy_webhooks := disable_webhook.webhook;
begin
  update proxy_private.proxy_webhooks as h
  set disabled_at = now(), disabled_reason = disable_webhook.reason where h.id = w.id;
  -- what waits would be sent as news when somebody enables it
  update proxy_private.proxy_deliveries as d
  set state = 'failed', next_attempt_at = null, claim = null, claimed_until = null
  where d.webhook_id = w.id and d.state = 'pending';
  if w.user_id is not null then
    perform proxy_private.raise_alerts(array[(
      w.user_id, null, 'webhook.disabled',
      format('disabled:%s:%s', w.id, extract(epoch from now())), null,
      jsonb_build_object(
        'webhookId', w.id, 'kind', w.kind, 'address', w.address, 'reason', disable_webhook.reason,
        'failingSince', proxy_private.json_time(w.failing_since)
      )
    )::proxy_private.new_alert]);
  end if;
end
$$;
comment on function proxy_private.disable_webhook is
  'Disables a webhook, ends what is pending for it, and alerts its owner by the others.';


-- Webhooks first, in one order, then their deliveries: so is a webhook deleted.
create function proxy_private.report_deliveries(results jsonb) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  result jsonb;
  delivery proxy_private.proxy_deliveries;
  webhook proxy_private.proxy_webhooks;
  noted integer := 0;
begin
  if jsonb_typeof(report_deliveries.results) is distinct from 'array'
    or jsonb_array_length(report_deliveries.results) > 500
  then
    perform proxy_private.refuse('invalid_request', 'results');
  end if;
  perform from proxy_private.proxy_webhooks as w
  where w.id in (
    select d.webhook_id
    from jsonb_array_elements(report_deliveries.results) as r
    join proxy_private.proxy_deliveries as d on d.id = (r ->> 'id')::uuid
  )
  order by w.id
  for no key update;
  for result in select r from jsonb_array_elements(report_deliveries.results) as r loop
    select * into delivery from proxy_private.proxy_deliveries as d
    where d.id = (result ->> 'id')::uuid and d.claim = (result ->> 'claim')::uuid
      and d.state = 'pending'
    for no key update;
    -- claimed again since, or its webhook is gone
    continue when not found;
    noted := noted + 1;
    if proxy_private.note_attempt(delivery, result) then
      update proxy_private.proxy_webhooks as w
      set failures = 0, failing_since = null, last_delivered_at = clock_timestamp()
      where w.id = delivery.webhook_id;
      continue;
    end if;
    update proxy_private.proxy_webhooks as w
    set failures = w.failures + 1, failing_since = coalesce(w.failing_since, clock_timestamp())
    where w.id = delivery.webhook_id
    returning * into webhook;
    if webhook.disabled_at is null then
      if (result ->> 'status')::integer = 410 then
        perform proxy_private.disable_webhook(webhook, 'gone');
      elsif webhook.failing_since < now() - interval '3 days' then
        perform proxy_private.disable_webhook(webhook, 'failing');
      end if;
    end if;
  end loop;
  return noted;
end
$$;
comment on function proxy_private.report_deliveries is 'Does the work of public.report_proxy_deliveries.';

create function public.report_proxy_deliveries(results jsonb) returns integer
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.report_deliveries(report_proxy_deliveries.results);
end
$$;
comment on function public.report_proxy_deliveries is
  'For the Edge Function deliver, with the secret key alone: an array (up to 500) of {id, claim, outcome, '
  'durationMs, status, answer}, one for each attempt at a claimed delivery. What is not delivered is attempted '
  'again, ten times within 24 h; a webhook that fails for three days, or answers 410, is disabled. Returns '
  'how many were taken: not those that were claimed again since. Refusals: invalid_request (detail: results).';


insert into proxy_private.argument_rules (argument, rule) values
  ('results', 'An array of at most 500 results.');


-- All of this is closed, then opened to those who need it: also where default privileges are open.
revoke all on function
  proxy_private.pause_after, proxy_private.note_attempt, proxy_private.disable_webhook, proxy_private.report_deliveries,
  public.report_proxy_deliveries
from public, anon, authenticated, service_role;
grant execute on function proxy_private.report_deliveries, public.report_proxy_deliveries to service_role;
