-- Kicking the delivery: each minute, pg_cron calls the Edge Function `deliver` through pg_net, if
-- the database has both; otherwise another scheduler must, with the secret key.

create index proxy_deliveries_due on proxy_private.proxy_deliveries (next_attempt_at)
  where state = 'pending';


create function proxy_private.count_due_deliveries(most integer) returns integer
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select count(*)
    from (
      select
      from proxy_private.proxy_deliveries as d
      -- deliveries to a disabled webhook are not attempted
      join proxy_private.proxy_webhooks as h on h.id = d.webhook_id and h.disabled_at is null
      where d.state = 'pending' and d.next_attempt_at <= now()
        and (d.claimed_until is null or d.claimed_until <= now())
      limit count_due_deliveries.most
    ) as due
  );
end
$$;
comment on function proxy_private.count_due_deliveries is
  'Returns how many deliveries are due and not claimed, up to `most`.';


-- One invocation attempts 400, so a burst starts several at once.
create function proxy_private.kick_delivery() returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  due constant integer := proxy_private.count_due_deliveries(4000);
  function_url constant text := (select s.function_url from proxy_private.delivery_settings as s);
  key text;
begin
  if due = 0 then
    return 'Nothing is due.';
  end if;
  if function_url is null
    or to_regclass('vault.decrypted_secrets') is null
    or not exists (select from pg_proc as p where p.pronamespace = to_regnamespace('net') and p.proname = 'http_post')
  then
    return 'Not set up: see docs/alerts.md.';
  end if;
  execute 'select s.decrypted_secret from vault.decrypted_secrets as s where s.name = $1'
  into key using 'proxy_keys_deliver';
  if key is null then
    return 'Vault has no secret proxy_keys_deliver: see docs/alerts.md.';
  end if;
  execute
    'select net.http_post(
       url := $1, body := ''{}''::jsonb, timeout_milliseconds := 60000,
       headers := jsonb_build_object(''apikey'', $2, ''Content-Type'', ''application/json'')
     )
     from generate_series(1, $3)'
  using function_url, key, ceil(due / 400.0)::integer;
  return format('Deliveries due: %s.', due);
end
$$;
comment on function proxy_private.kick_delivery is
  'Calls the Edge Function deliver through pg_net if deliveries are due, with the key that Vault '
  'stores as proxy_keys_deliver. Returns a sentence on what it did.';


-- Revoke everything, even if default privileges are open.
revoke all on function proxy_private.count_due_deliveries, proxy_private.kick_delivery
from public, anon, authenticated, service_role;
