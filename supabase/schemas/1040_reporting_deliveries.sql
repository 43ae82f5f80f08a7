-- Reporting deliveries: the result of each attempt, when the next one is, and when a webhook is
-- disabled.

-- 24 hours in total: a receiver that is fixed within a working day loses nothing.
create function proxy_private.pause_after(attempts integer) returns interval
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  pauses constant integer[] := '{5,30,120,600,1800,3600,7200,14400,21600,37000}';
begin
  -- with jitter, so that deliveries that failed together are not retried together
  return pauses[pause_after.attempts] * (0.8 + 0.4 * random()) * interval '1 second';
end
$$;
comment on function proxy_private.pause_after is
  'Returns how long to wait after this many attempts, give or take a fifth; null after the '
  'eleventh, the last.';


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
  -- truncate to 500 bytes at a character boundary
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
  'Records an attempt, and finishes its delivery or schedules the next attempt. Returns whether it '
  'was delivered.';


create function proxy_private.disable_webhook(webhook proxy_private.proxy_webhooks, reason text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  w constant proxy_private.proxy_webhooks := disable_webhook.webhook;
begin
  update proxy_private.proxy_webhooks as h
  set disabled_at = now(), disabled_reason = disable_webhook.reason where h.id = w.id;
  -- otherwise old alerts would be sent as new when a user enables it
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
  'Disables a webhook, fails its pending deliveries, and alerts its owner through the owner''s '
  'other webhooks.';


-- Locks webhooks first, in one order, then their deliveries, as deleting a webhook does.
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
    -- it was claimed again, or its webhook is gone
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
comment on function proxy_private.report_deliveries is
  'Does the work of public.report_proxy_deliveries.';

create function public.report_proxy_deliveries(results jsonb) returns integer
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.report_deliveries(report_proxy_deliveries.results);
end
$$;
comment on function public.report_proxy_deliveries is
  'For the Edge Function deliver, with the secret key only: takes an array (up to 500) of {id, '
  'claim, outcome, durationMs, status, answer}, one per attempt at a claimed delivery, and returns '
  'how many it recorded, without those that were claimed again. A failed delivery is retried ten '
  'times within 24 h; a webhook that fails for three days, or answers 410, is disabled. Refusals: '
  'invalid_request (detail: results).';


insert into proxy_private.argument_rules (argument, rule) values
  ('results', 'An array of at most 500 results.');


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.pause_after, proxy_private.note_attempt, proxy_private.disable_webhook, proxy_private.report_deliveries,
  public.report_proxy_deliveries
from public, anon, authenticated, service_role;
grant execute on function proxy_private.report_deliveries, public.report_proxy_deliveries to service_role;
