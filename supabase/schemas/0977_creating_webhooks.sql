-- Creating webhooks: up to ten per user, and ten for the operator.

-- Security definer: callers may not write tables.
create function proxy_private.create_proxy_webhook(
  kind text, url text, routing_key text, label text, types text[], operator boolean
) returns public.proxy_webhook
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_webhook_owner(coalesce(create_proxy_webhook.operator, false));
  made proxy_private.proxy_webhooks;
  secret jsonb;
  shown text;
begin
  perform proxy_private.require_size(octet_length(create_proxy_webhook.kind), 'kind');
  perform proxy_private.require_size(octet_length(create_proxy_webhook.url), 'url');
  perform proxy_private.require_size(octet_length(create_proxy_webhook.routing_key), 'routing_key');
  perform proxy_private.require_size(pg_column_size(create_proxy_webhook.types), 'types');
  if create_proxy_webhook.kind is null
    or create_proxy_webhook.kind not in ('webhook', 'slack', 'discord', 'pagerduty', 'email')
  then
    perform proxy_private.refuse('invalid_request', 'kind');
  end if;
  made.kind := create_proxy_webhook.kind;
  if create_proxy_webhook.label is not null then
    made.label := proxy_private.require_label(create_proxy_webhook.label);
  end if;
  if create_proxy_webhook.types is not null then
    made.types := proxy_private.require_alert_types(create_proxy_webhook.types);
  end if;

  if made.kind in ('webhook', 'slack', 'discord') then
    if create_proxy_webhook.url is null then
      perform proxy_private.refuse('invalid_request', 'url');
    end if;
    secret := jsonb_build_object('url', proxy_private.require_webhook_url(
      create_proxy_webhook.url,
      case made.kind
        when 'slack' then array['hooks.slack.com', 'hooks.slack-gov.com']
        when 'discord' then array['discord.com', 'discordapp.com', 'canary.discord.com', 'ptb.discord.com']
      end
    ));
    -- a Slack or Discord URL is a secret: anyone who has it can post there
    made.address := case
      when made.kind = 'webhook' then create_proxy_webhook.url
      else substring(create_proxy_webhook.url from '^https?://([^/?:]+)')
    end;
  elsif create_proxy_webhook.url is not null then
    perform proxy_private.refuse('invalid_request', 'url');
  end if;
  if made.kind = 'pagerduty' then
    if create_proxy_webhook.routing_key is null or create_proxy_webhook.routing_key !~ '^[0-9A-Za-z]{32}$' then
      perform proxy_private.refuse('invalid_request', 'routing_key');
    end if;
    secret := jsonb_build_object('key', create_proxy_webhook.routing_key);
    made.address := 'events.pagerduty.com';
  elsif create_proxy_webhook.routing_key is not null then
    perform proxy_private.refuse('invalid_request', 'routing_key');
  end if;
  if made.kind = 'email' then
    -- the operator has no account, and so no confirmed address
    if owner_id is null then
      perform proxy_private.refuse('invalid_request', 'kind');
    end if;
    select u.email into made.address
    from auth.users as u where u.id = owner_id and u.email_confirmed_at is not null;
    if made.address is null then
      perform proxy_private.refuse('email_not_confirmed');
    end if;
    secret := '{}';
  end if;

  perform proxy_private.claim_write(coalesce(owner_id, proxy_private.token_subject()), case when owner_id is null then 'administer' else 'change' end);
  -- this lock covers the count of the operator's webhooks; claim_write's lock covers a user's
  if owner_id is null then
    perform from proxy_private.delivery_settings for no key update;
  end if;
  if (
    select count(*) from proxy_private.proxy_webhooks as w
    where w.user_id = owner_id or (owner_id is null and w.user_id is null)
  ) >= 10 then
    perform proxy_private.refuse('webhook_limit_reached');
  end if;
  insert into proxy_private.proxy_webhooks (user_id, kind, label, address, types)
  values (owner_id, made.kind, made.label, made.address, made.types)
  returning * into made;
  if made.kind = 'webhook' then
    select secret || jsonb_build_object('key', k.key), k.shown into secret, shown
    from proxy_private.new_signing_key() as k;
  end if;
  perform proxy_private.keep_webhook_secret(made.id, secret);
  return proxy_private.show_webhook(made, shown);
end
$$;
comment on function proxy_private.create_proxy_webhook is
  'Does the work of public.create_proxy_webhook.';

create function public.create_proxy_webhook(
  kind text, url text default null, routing_key text default null, label text default null,
  types text[] default null, operator boolean default false
) returns public.proxy_webhook
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.create_proxy_webhook(
    create_proxy_webhook.kind, create_proxy_webhook.url, create_proxy_webhook.routing_key,
    create_proxy_webhook.label, create_proxy_webhook.types, create_proxy_webhook.operator
  );
end
$$;
comment on function public.create_proxy_webhook is
  'Creates a webhook for the caller, or, for admins with `operator`, one that gets all users'' '
  'alerts. kind is webhook (needs url; returns the signing secret, only this once), slack or '
  'discord (url), pagerduty (routing_key) or email (to the account''s confirmed address); types '
  'are the alerts it gets, null for all. Refusals: unauthorized, forbidden, invalid_request '
  '(detail: the argument), email_not_confirmed, webhook_limit_reached, rate_limited (detail: '
  'seconds to wait).';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.create_proxy_webhook,
  public.create_proxy_webhook
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.create_proxy_webhook,
  public.create_proxy_webhook
to authenticated;
