-- Webhooks as their owners see them, and the rules for their fields: where a user wants alerts
-- sent. Admins set the operator's webhooks, which get all users' alerts.

insert into proxy_private.refusals (sql_state, code, message, occurs_when) values
  (
    'PT404', 'webhook_not_found', 'Not found: you have no such webhook.',
    'the webhook or delivery does not exist, or is not yours'
  ),
  (
    'PT409', 'webhook_limit_reached',
    'The limit of ten webhooks is reached: delete a webhook first.',
    'the user, or the operator, already has ten webhooks'
  ),
  (
    'PT409', 'webhook_disabled', 'The webhook is disabled: enable it first.',
    'a disabled webhook cannot be tested, and nothing can be resent to it'
  ),
  (
    'PT409', 'email_not_confirmed',
    'The account has no confirmed e-mail address: confirm it first.',
    'the account has no confirmed address, the only one that alerts are mailed to'
  );

create type public.proxy_webhook as (
  id uuid,
  kind text,
  label text,
  address text,
  types text[],
  created_at timestamptz,
  last_delivered_at timestamptz,
  failing_since timestamptz,
  disabled_at timestamptz,
  disabled_reason text,
  secret text
);
comment on type public.proxy_webhook is
  'A webhook. address is the URL of a generic webhook, the host if the URL is a secret, or an '
  'e-mail address; types are the alerts it gets, null for all. secret is the signing secret of a '
  'generic webhook, returned only when it is created or rotated.';


create function proxy_private.show_webhook(webhook proxy_private.proxy_webhooks, secret text default null)
returns public.proxy_webhook
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  w constant proxy_private.proxy_webhooks := show_webhook.webhook;
begin
  return (
    w.id, w.kind, w.label, w.address, w.types, w.created_at, w.last_delivered_at, w.failing_since,
    w.disabled_at, w.disabled_reason, show_webhook.secret
  )::public.proxy_webhook;
end
$$;
comment on function proxy_private.show_webhook is 'Returns a webhook as its owner sees it.';


-- Checks only the text of the URL; each delivery attempt checks where it leads.
create function proxy_private.require_webhook_url(url text, hosts text[]) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  local_allowed constant boolean := (select s.allow_local_webhooks from proxy_private.delivery_settings as s);
  host text;
begin
  if octet_length(require_webhook_url.url) > 2000
    -- visible ASCII: other characters must be percent-encoded, and a fragment is never sent
    or require_webhook_url.url !~ '^https?://[!-~]+$'
    or require_webhook_url.url ~ '[#\\"<>^`{|}]'
    or (require_webhook_url.url !~ '^https://' and not local_allowed)
  then
    perform proxy_private.refuse('invalid_request', 'url');
  end if;
  -- no user information, which is a credential in a URL
  host := substring(require_webhook_url.url from '^https?://(\[[0-9a-fA-F:.]+\]|[^][/?:@]+)(?::[0-9]{1,5})?(?:[/?]|$)');
  if host is null
    or (
      lower(host) <> all (require_webhook_url.hosts)
      and not (local_allowed and host ~ '^(127\.[0-9.]+|localhost)$')
    )
  then
    perform proxy_private.refuse('invalid_request', 'url');
  end if;
  return require_webhook_url.url;
end
$$;
comment on function proxy_private.require_webhook_url is
  'Returns an absolute https URL without user information or fragment, on one of `hosts` if given; '
  'refuses (invalid_request) anything else. Plain http is allowed only on local stacks.';


create function proxy_private.require_alert_types(types text[]) returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if cardinality(require_alert_types.types) not between 1 and 50
    or array_ndims(require_alert_types.types) > 1
    or not require_alert_types.types <@ proxy_private.alert_types()
  then
    perform proxy_private.refuse('invalid_request', 'types');
  end if;
  return array(select distinct t from unnest(require_alert_types.types) as t order by 1);
end
$$;
comment on function proxy_private.require_alert_types is
  'Returns types of alerts without duplicates; refuses (invalid_request) an empty list and unknown '
  'types.';


create function proxy_private.require_webhook_owner(operator boolean) returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if require_webhook_owner.operator then
    perform proxy_private.require_admin_writer();
    return null;
  end if;
  return proxy_private.require_writer();
end
$$;
comment on function proxy_private.require_webhook_owner is
  'Returns the caller''s id, or null for an admin who acts for the operator; refuses other callers '
  '(unauthorized, forbidden).';


create function proxy_private.new_signing_key(out key text, out shown text)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  key := encode(extensions.gen_random_bytes(32), 'base64');
  shown := 'whsec_' || key;
end
$$;
comment on function proxy_private.new_signing_key is
  'Returns a new signing key of 32 random bytes, in base64 and as Standard Webhooks writes it.';


insert into proxy_private.argument_rules (argument, rule) values
  ('kind', 'One of webhook, slack, discord, pagerduty and, for users only, email.'),
  (
    'url',
    'An https:// URL of at most 2,000 characters, without credentials or fragment: on any host for '
      'kind webhook, on hooks.slack.com for slack, on discord.com for discord; no URL for other '
      'kinds.'
  ),
  ('routing_key', 'A PagerDuty integration key of 32 characters, for kind pagerduty only.'),
  (
    'types',
    'At least one type of alert, such as key.quota, or null for all: docs/alerts.md lists them.'
  ),
  ('disabled', 'Either true or false.');


-- Revoke everything, even if default privileges are open.
revoke all on function
  proxy_private.show_webhook,
  proxy_private.require_webhook_url,
  proxy_private.require_alert_types,
  proxy_private.require_webhook_owner,
  proxy_private.new_signing_key
from public, anon, authenticated, service_role;
